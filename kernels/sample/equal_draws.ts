import type { GpuDevice } from "../../lib/device/device.ts";
import { Random } from "../../lib/random.ts";
import { LOGITS_CHUNK } from "../lm_head/signatures.ts";
import { TrialMemory } from "../trial_memory.ts";
import { greedy, sample, tokenSet } from "./sample.ts";

/** Three parts, the last of them short. */
const VOCABULARY = 2 * LOGITS_CHUNK + 5;
const ROWS = 8;
const REPETITION_PENALTY = 1.2;

/** Tokens that were taken by one workgroup a row and by several. */
export interface DrawComparison {
  /** Number of tokens. */
  readonly compared: number;
  /** Number of those that differ, or whose logprobs do. */
  readonly differing: number;
}

/**
 * Takes tokens with one workgroup a row and with several, and compares them and their logprobs, bit for
 * bit: plain, with min-p, with a repetition penalty and a minimum length, and greedily. WGSL lets a
 * compiler contract and reassociate, so equality is for each adapter to prove.
 *
 * @throws {Error} when a kernel does not compile, or the GPU fails
 */
export async function compareDraws(device: GpuDevice): Promise<DrawComparison> {
  using memory = new TrialMemory(device);
  const random = new Random(1);
  const words = Math.ceil(VOCABULARY / 32);
  const bits = new Int32Array(ROWS * words).fill(0x55555555);
  const rows = memory.upload(Int32Array.from({ length: ROWS }, (_, row) => row));
  const seen = memory.upload(bits);
  const plain = {
    logits: memory.upload(
      Float32Array.from({ length: ROWS * VOCABULARY }, () => 20 * random.uniform() - 10),
    ),
    ...{ rows: ROWS, vocabulary: VOCABULARY, positions: rows, ends: null, minLength: 0 },
    repetition: null,
  };
  const restrained = {
    ...plain,
    ...{ ends: memory.upload(tokenSet([0, VOCABULARY - 1], VOCABULARY)), minLength: ROWS >> 1 },
    repetition: { penalty: REPETITION_PENALTY, seen, rows },
  };
  const drawing = { rollouts: rows, seed: 1, temperature: 1, topK: 0, topP: 1 };
  const [tokens, logprobs] = [memory.reserve(ROWS), memory.reserve(ROWS)];
  const ways = [
    (inParts: boolean) => sample(device, plain, drawing, tokens, { logprobs, inParts }),
    (inParts: boolean) =>
      sample(device, plain, { ...drawing, minP: 0.05 }, tokens, { logprobs, inParts }),
    (inParts: boolean) => sample(device, restrained, drawing, tokens, { logprobs, inParts }),
    (inParts: boolean) => greedy(device, restrained, tokens, { logprobs, inParts }),
  ];
  let differing = 0;
  for (const take of ways) {
    const taken: Int32Array[] = [];
    for (const inParts of [false, true]) {
      device.write(seen, bits);
      take(inParts);
      const results = [
        await device.read(tokens, ROWS * 4),
        await device.read(logprobs, ROWS * 4),
      ];
      taken.push(...results.map((bytes) => new Int32Array(bytes.slice().buffer)));
    }
    const [token, logprob, otherToken, otherLogprob] = taken;
    for (let row = 0; row < ROWS; row++) {
      const isEqual = token[row] === otherToken[row] && logprob[row] === otherLogprob[row];
      if (!isEqual) differing++;
    }
  }
  return { compared: ways.length * ROWS, differing };
}
