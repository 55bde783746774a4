import type { Context } from "../tensor/context.ts";
import type { DecoderMemory, T5ForConditionalGeneration } from "../models/t5.ts";
import type { Tensor } from "../tensor/tensor.ts";
import { type EncodedQueries, startsOf } from "./encoded_queries.ts";

/**
 * The decoder's keys and values of a batch that is being generated. Each row has a slot of its own
 * length in one tensor a layer, so rows can finish, and leave, without anything being moved.
 */
export class KeyValueCache {
  readonly #keys: Tensor[] = [];
  readonly #values: Tensor[] = [];
  /** First row of each slot. */
  readonly #slots: Int32Array;

  /**
   * Reserves the slots.
   *
   * @param cx owns the memory
   * @param encoded the queries of all rows
   * @param capacities the most tokens of each row
   */
  constructor(
    cx: Context,
    model: T5ForConditionalGeneration,
    private readonly encoded: EncodedQueries,
    capacities: readonly number[],
  ) {
    const { numDecoderLayers, numHeads, dKv } = model.config;
    const width = numHeads * dKv;
    this.#slots = startsOf(capacities);
    const rows = capacities.reduce((a, b) => a + b, 0);
    for (let layer = 0; layer < numDecoderLayers; layer++) {
      this.#keys.push(cx.empty([rows, width]));
      this.#values.push(cx.empty([rows, width]));
    }
  }

  /**
   * What the decoder needs to read one token of each of `rows` (indices into the batch) at each of
   * `steps` positions from `first` on, and to attend to what those rows have read before. All of it
   * is uploaded at once, so that a step uploads nothing.
   *
   * @returns the memory of step 0, 1, …
   */
  window(
    cx: Context,
    rows: readonly number[],
    first: number,
    steps: number,
  ): (step: number) => DecoderMemory {
    const count = rows.length;
    const byRow = (value: (row: number) => number) => cx.from(Int32Array.from(rows, value));
    const byStep = (value: (row: number, position: number) => number) => {
      const data = new Int32Array(steps * count);
      data.forEach((_, i) => data[i] = value(rows[i % count], first + Math.floor(i / count)));
      return cx.from(data, [steps, count]);
    };
    const queries = {
      starts: cx.from(Int32Array.from(rows, (_, i) => i)),
      lengths: cx.from(new Int32Array(count).fill(1)),
      maxLength: 1,
    };
    const encoder = {
      starts: byRow((row) => this.encoded.starts[row]),
      lengths: byRow((row) => this.encoded.lengths[row]),
      maxLength: Math.max(...this.encoded.lengths),
    };
    const starts = byRow((row) => this.#slots[row]);
    const lengths = byStep((_, position) => position + 1);
    const writeTo = byStep((row, position) => this.#slots[row] + position);
    return (step) => ({
      queries,
      slots: (layer) => (
        { k: this.#keys[layer], v: this.#values[layer], rows: writeTo.slice(step, 1) }
      ),
      kept: { starts, lengths: lengths.slice(step, 1), maxLength: first + step + 1 },
      cross: (layer) => ({ ...this.encoded.layers[layer], rows: encoder }),
    });
  }
}
