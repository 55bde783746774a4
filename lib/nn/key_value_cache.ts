import type { Context } from "../tensor/context.ts";
import type { Rows } from "../tensor/ops/attention.ts";
import type { CacheSlots } from "../tensor/ops/projections.ts";
import type { Tensor } from "../tensor/tensor.ts";

/** Keys and values that a decoder's self-attention reads and writes in one step of decoding. */
export interface CacheStep {
  /** Rows of the queries: the new tokens, one of each sequence. */
  readonly queries: Rows;
  /** Rows of the kept keys and values, those of the new tokens included. */
  readonly kept: Rows;
  /** Slots for the new tokens' keys and values in layer `layer`. */
  slots(layer: number): CacheSlots;
}

/**
 * Keys and values of the self-attention layers of a batch that is being generated. Each row has a
 * slot of its own length in one tensor a layer, so rows can finish, and leave, without anything
 * being moved.
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
   * @param layers number of self-attention layers
   * @param width width of a token's keys, and of its values
   * @param capacities maximum number of tokens of each row
   */
  constructor(cx: Context, layers: number, width: number, capacities: readonly number[]) {
    this.#slots = new Int32Array(capacities.length);
    let rows = 0;
    capacities.forEach((capacity, row) => {
      this.#slots[row] = rows;
      rows += capacity;
    });
    for (let layer = 0; layer < layers; layer++) {
      this.#keys.push(cx.empty([rows, width]));
      this.#values.push(cx.empty([rows, width]));
    }
  }

  /**
   * Prepares steps that each read one token of each of `rows` (indices into the batch), at `steps`
   * positions from `first` on: uploads all that they need at once, so that a step uploads nothing.
   *
   * @returns step 0, 1, …
   */
  window(
    cx: Context,
    rows: readonly number[],
    first: number,
    steps: number,
  ): (step: number) => CacheStep {
    const count = rows.length;
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
    const starts = cx.from(Int32Array.from(rows, (row) => this.#slots[row]));
    const lengths = byStep((_, position) => position + 1);
    const writeTo = byStep((row, position) => this.#slots[row] + position);
    return (step) => ({
      queries,
      kept: { starts, lengths: lengths.slice(step, 1), maxLength: first + step + 1 },
      slots: (layer) => (
        { k: this.#keys[layer], v: this.#values[layer], rows: writeTo.slice(step, 1) }
      ),
    });
  }
}
