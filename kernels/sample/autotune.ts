import type { GpuDevice } from "../../lib/device/device.ts";
import type { LaunchTimes } from "../../lib/device/profile.ts";
import { Random } from "../../lib/random.ts";
import { TrialMemory } from "../trial_memory.ts";
import { DRAW_CLASSES, DRAWS } from "./draw_gpu.ts";
import { sample } from "./sample.ts";

/** Rows of a batch. */
const ROWS = 8;
/** Times that each is measured after the first; the shortest counts. */
const ROUNDS = 3;

/**
 * Measures whether a row's token is drawn sooner by one workgroup or by several, for each class of
 * vocabularies: once for an adapter, in less than a second. Both give the same tokens and logprobs, bit
 * for bit; where an adapter's compiler makes a difference, one workgroup draws.
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
    using memory = new TrialMemory(device);
    const random = new Random(1);
    const logits = memory.upload(
      Float32Array.from({ length: ROWS * vocabulary }, () => 20 * random.uniform() - 10),
    );
    const rows = memory.upload(Int32Array.from({ length: ROWS }, (_, row) => row));
    const [tokens, logprobs] = [memory.reserve(ROWS), memory.reserve(ROWS)];
    const input = {
      ...{ logits, rows: ROWS, vocabulary, positions: rows, ends: null, minLength: 0 },
      repetition: null,
    };
    const drawing = { rollouts: rows, seed: 1, temperature: 1, topK: 0, topP: 1 };
    const measure = async (inParts: boolean) => {
      let seconds = Infinity;
      for (let round = 0; round <= ROUNDS; round++) {
        sample(device, input, drawing, tokens, { logprobs, inParts });
        await device.read(tokens, 4);
        const each = await times.take(inParts ? 3 : 1);
        // The first round compiles and warms up.
        if (round > 0) seconds = Math.min(seconds, each.reduce((sum, time) => sum + time, 0));
      }
      const results = [await device.read(tokens, ROWS * 4), await device.read(logprobs, ROWS * 4)];
      return { seconds, results: results.join() };
    };
    const [one, several] = [await measure(false), await measure(true)];
    const isEqual = one.results === several.results;
    // Where times are rounded to 0, several: a GPU has units for them.
    const isFaster = several.seconds < one.seconds || several.seconds === 0;
    best.set(name, isEqual && isFaster ? DRAWS.several : DRAWS.one);
  }
  return best;
}
