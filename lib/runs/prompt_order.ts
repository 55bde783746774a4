import type { DatasetSplit, Example } from "../data/dataset.ts";
import { UserError } from "../errors.ts";
import { Random } from "../random.ts";

/**
 * Draws batches of prompts: each prompt once in every pass over the split, in an order that is
 * new in each pass. What is left at the end of a pass is too few for a batch and left out, as
 * torch's `DataLoader(shuffle=True, drop_last=True)` does.
 *
 * @throws {UserError} when the split has too few rows for one batch
 */
export function promptBatches(
  split: DatasetSplit,
  batchSize: number,
  seed: number,
): Iterator<Example[], never> {
  if (split.length < batchSize) {
    throw new UserError(
      `the train split has ${split.length} dialogues, too few for batchSize ${batchSize}: ` +
        "make it smaller, or widen the length filter",
    );
  }
  return drawBatches(split, batchSize, new Random(seed));
}

function* drawBatches(
  split: DatasetSplit,
  batchSize: number,
  random: Random,
): Generator<Example[], never> {
  for (;;) {
    const order = random.shuffle(Array.from({ length: split.length }, (_, index) => index));
    for (let start = 0; start + batchSize <= order.length; start += batchSize) {
      yield order.slice(start, start + batchSize).map((index) => split.example(index));
    }
  }
}
