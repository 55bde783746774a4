import type { GpuDevice } from "../../lib/device/device.ts";
import type { LaunchTimes } from "../../lib/device/profile.ts";
import { DRAW_CLASSES, DRAWS } from "./draw_gpu.ts";
import { sample } from "./sample.ts";

/** Rows of a batch. */
const ROWS = 8;
/** Times that each is measured after the first; the shortest counts. */
const ROUNDS = 3;

/**
 * Measures whether a row's token is drawn sooner by one workgroup or by several, for each class of
 * vocabularies: once for an adapter, in a few milliseconds. Both draw the same tokens.
 *
 * @param times the times of the device's launches
 * @returns the choice by class, for the device's `tuning`
 */
export async function autotuneDraws(
  device: GpuDevice,
  times: Pick<LaunchTimes, "take">,
): Promise<Map<string, string>> {
  const best = new Map<string, string>();
  for (const { name, measured: vocabulary } of DRAW_CLASSES) {
    const span = (elements: number) => (
      { buffer: device.alloc(elements * 4), byteOffset: 0 }
    );
    const [logits, rows, tokens, logprobs] = [ROWS * vocabulary, ROWS, ROWS, ROWS].map(span);
    device.write(logits, new Float32Array(ROWS * vocabulary));
    device.write(rows, new Int32Array(ROWS));
    const input = {
      ...{ logits, rows: ROWS, vocabulary, positions: rows, ends: null, minLength: 0 },
      repetition: null,
    };
    const drawing = { rollouts: rows, seed: 1, temperature: 1, topK: 0, topP: 1 };
    const seconds = async (inParts: boolean) => {
      let shortest = Infinity;
      for (let round = 0; round <= ROUNDS; round++) {
        sample(device, input, drawing, tokens, { logprobs, inParts });
        await device.read(tokens, 4);
        const each = await times.take(inParts ? 3 : 1);
        // The first round compiles and warms up.
        if (round > 0) shortest = Math.min(shortest, each.reduce((sum, time) => sum + time, 0));
      }
      return shortest;
    };
    try {
      const [one, several] = [await seconds(false), await seconds(true)];
      // Without valid timestamps there is nothing to choose by.
      if (one > 0 && several > 0) best.set(name, several < one ? DRAWS.several : DRAWS.one);
    } finally {
      for (const { buffer } of [logits, rows, tokens, logprobs]) device.free(buffer);
    }
  }
  return best;
}
