import type { Context } from "../../tensor/context.ts";
import { uploadLists } from "../../tensor/lists.ts";
import type { Prefix, Rows } from "../../tensor/ops/attention.ts";
import { concatenate } from "../../tensor/ops/concatenate.ts";
import type { Packed } from "../../tensor/packed.ts";
import type { Tensor } from "../../tensor/tensor.ts";
import type { PromptMemory, PromptPart } from "../language_model.ts";
import { groupsOfPrompts } from "../shared_prompts.ts";

/** Keys and values of one decoder layer's attention to the encoder. */
export interface CrossKeys {
  /** Keys, [N, heads · d_kv]. */
  readonly k: Tensor;
  /** Values, [N, heads · d_kv]. */
  readonly v: Tensor;
}

/** Prompts that the encoder has read, N tokens together. Rows may share a prompt. */
export class EncodedPrompts implements PromptMemory {
  private constructor(
    readonly lengths: readonly number[],
    /** First of the N rows of each prompt. */
    readonly starts: Int32Array,
    /** Keys and values of every decoder layer; null where the layer that reads them makes them. */
    private readonly kept: readonly CrossKeys[] | null,
    private readonly make: ((layer: number) => CrossKeys) | null,
    /** Rows of all prompts, where they are on the device already. */
    private readonly uploaded: Rows | null,
  ) {}

  /** Prompts whose keys and values are kept, for any number of steps and passes. */
  static kept(lengths: readonly number[], layers: readonly CrossKeys[]): EncodedPrompts {
    return new EncodedPrompts(lengths, startsOf(lengths), layers, null, null);
  }

  /**
   * Prompts for one pass over the decoder. A layer's keys and values live as long as the layer does:
   * without a tape that is one layer at a time, and a layer that is computed again in the backward
   * pass computes them again, too.
   */
  static forPass(inputs: Packed, make: (layer: number) => CrossKeys): EncodedPrompts {
    const { starts, lengths, maxLength, sequenceLengths } = inputs;
    const rows = { starts, lengths, maxLength };
    return new EncodedPrompts(sequenceLengths, startsOf(sequenceLengths), null, make, rows);
  }

  /** A batch of `count` prompts from parts that cover each row once. */
  static join(cx: Context, parts: readonly PromptPart[], count: number): EncodedPrompts {
    const starts = new Int32Array(count);
    const lengths = new Array<number>(count).fill(0);
    let tokens = 0;
    const memories = parts.map(({ rows, memory }) => {
      const encoded = EncodedPrompts.of(memory);
      rows.forEach((row, i) => {
        starts[row] = tokens + encoded.starts[i];
        lengths[row] = encoded.lengths[i];
      });
      tokens += encoded.layers[0].k.rows;
      return encoded.layers;
    });
    const layers = memories[0].map((_, layer) => ({
      k: concatenate(cx, memories.map((layers) => layers[layer].k)),
      v: concatenate(cx, memories.map((layers) => layers[layer].v)),
    }));
    return new EncodedPrompts(lengths, starts, layers, null, null);
  }

  /** Rows that are some of these prompts, any number of times each, with the same keys and values. */
  select(which: readonly number[]): EncodedPrompts {
    return new EncodedPrompts(
      which.map((prompt) => this.lengths[prompt]),
      Int32Array.from(which, (prompt) => this.starts[prompt]),
      this.kept,
      this.make,
      null,
    );
  }

  /**
   * The memory of a T5 model.
   *
   * @throws {TypeError} when another model has read the prompts
   */
  static of(memory: PromptMemory): EncodedPrompts {
    if (memory instanceof EncodedPrompts) return memory;
    throw new TypeError("the prompts were read by another kind of model");
  }

  /**
   * Kept keys and values of every decoder layer.
   *
   * @throws {RangeError} when the prompts were read for one pass
   */
  get layers(): readonly CrossKeys[] {
    if (!this.kept) throw new RangeError('prompts that were read for a "pass" keep no keys');
    return this.kept;
  }

  /** Keys and values of a decoder layer, kept or made. */
  layer(index: number): CrossKeys {
    return this.kept ? this.kept[index] : this.make!(index);
  }

  /** Rows of the prompts' keys, on the device: of all, or of `which`, in that order. */
  rows(cx: Context, which?: readonly number[]): Rows {
    if (this.uploaded && !which) return this.uploaded;
    const chosen = which ?? [...this.lengths.keys()];
    return {
      starts: cx.from(Int32Array.from(chosen, (row) => this.starts[row])),
      lengths: cx.from(Int32Array.from(chosen, (row) => this.lengths[row])),
      maxLength: Math.max(...this.lengths),
    };
  }

  /**
   * Rows of continuations of all prompts, and of the keys that they see. Keys that sequences share are
   * a prefix where a backward pass follows, which sums their gradient.
   */
  passRows(cx: Context, inputs: Packed): { queries: Rows; cross: SeenRows } {
    const { sequenceLengths, maxLength } = inputs;
    const promptLengths = Int32Array.from(this.lengths);
    const shared = cx.grad ? groupsOfPrompts(this.starts, promptLengths) : null;
    if (!shared) {
      const { starts, lengths } = inputs;
      const cross = { keys: this.rows(cx), prefix: null };
      return { queries: { starts, lengths, maxLength }, cross };
    }
    // In one block, so that no attention has to copy them.
    const [queryStarts, queryLengths, zeros, starts, lengths, order, groups] = uploadLists(cx, [
      startsOf(sequenceLengths),
      Int32Array.from(sequenceLengths),
      new Int32Array(promptLengths.length),
      this.starts,
      promptLengths,
      shared.order,
      shared.groups,
    ]);
    return {
      queries: { starts: queryStarts, lengths: queryLengths, maxLength },
      cross: {
        keys: { starts: zeros, lengths: zeros, maxLength: 0 },
        prefix: {
          rows: { starts, lengths, maxLength: Math.max(...promptLengths) },
          sharing: { order, starts: groups },
        },
      },
    };
  }
}

/** Rows of the keys that a decoder attends to: its own, or those of a prefix that sequences share. */
export interface SeenRows {
  readonly keys: Rows;
  readonly prefix: Pick<Prefix, "rows" | "sharing"> | null;
}

/** First row of each of some consecutive runs. */
function startsOf(lengths: readonly number[]): Int32Array {
  const starts = new Int32Array(lengths.length);
  for (let i = 1; i < starts.length; i++) starts[i] = starts[i - 1] + lengths[i - 1];
  return starts;
}
