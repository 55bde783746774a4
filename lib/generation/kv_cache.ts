import { appendToCache } from "../../kernels/kv_cache/kv_cache.ts";
import type { Context } from "../tensor/context.ts";
import type { DecoderMemory, T5ForConditionalGeneration } from "../models/t5.ts";
import type { LoraAdapter } from "../nn/lora.ts";
import type { Packed } from "../tensor/packed.ts";
import type { Tensor } from "../tensor/tensor.ts";

/**
 * The decoder's keys and values of a batch that is being generated. Each row has a slot of its own
 * length in one tensor a layer, so rows can finish, and leave, without anything being moved.
 */
export class KeyValueCache {
  readonly #keys: Tensor[] = [];
  readonly #values: Tensor[] = [];
  readonly #cross: { k: Tensor; v: Tensor }[] = [];
  /** First row of each slot. */
  readonly #slots: Int32Array;
  readonly #encoderStarts: Int32Array;

  /**
   * Reserves the slots and computes the keys and values of the attention to the encoder, once.
   *
   * @param cx owns the memory
   * @param capacities the most tokens of each row
   */
  constructor(
    cx: Context,
    model: T5ForConditionalGeneration,
    private readonly inputs: Packed,
    encoderHidden: Tensor,
    adapter: LoraAdapter | null,
    capacities: readonly number[],
  ) {
    const { numDecoderLayers, numHeads, dKv } = model.config;
    const width = numHeads * dKv;
    this.#slots = starts(capacities);
    this.#encoderStarts = starts(inputs.sequenceLengths);
    const rows = capacities.reduce((a, b) => a + b, 0);
    for (let layer = 0; layer < numDecoderLayers; layer++) {
      this.#keys.push(cx.empty([rows, width]));
      this.#values.push(cx.empty([rows, width]));
      this.#cross.push(model.crossKeys(cx, layer, encoderHidden, adapter));
    }
  }

  /**
   * What the decoder needs to read one token of each of `rows` (indices into the batch), all at
   * `position`, and to attend to what those rows have read before.
   */
  at(cx: Context, rows: readonly number[], position: number): DecoderMemory {
    const ints = (values: (row: number) => number) => cx.from(Int32Array.from(rows, values));
    const one = cx.from(new Int32Array(rows.length).fill(1));
    const queries = {
      starts: cx.from(Int32Array.from(rows, (_, i) => i)),
      lengths: one,
      maxLength: 1,
    };
    const writeTo = ints((row) => this.#slots[row] + position);
    const own = {
      starts: ints((row) => this.#slots[row]),
      lengths: ints(() => position + 1),
      maxLength: position + 1,
    };
    const encoder = {
      starts: ints((row) => this.#encoderStarts[row]),
      lengths: ints((row) => this.inputs.sequenceLengths[row]),
      maxLength: this.inputs.maxLength,
    };
    return {
      queries,
      self: (layer, k, v) => {
        const keys = this.#keys[layer];
        const values = this.#values[layer];
        appendToCache(cx.device, keys, k, writeTo, rows.length, k.width);
        appendToCache(cx.device, values, v, writeTo, rows.length, v.width);
        return { k: keys, v: values, rows: own };
      },
      cross: (layer) => ({ ...this.#cross[layer], rows: encoder }),
    };
  }
}

/** Where each of some consecutive runs begins. */
function starts(lengths: readonly number[]): Int32Array {
  const out = new Int32Array(lengths.length);
  for (let i = 1; i < out.length; i++) out[i] = out[i - 1] + lengths[i - 1];
  return out;
}
