import type { Context } from "../../tensor/context.ts";
import { uploadLists } from "../../tensor/lists.ts";
import type { Prefix, Rows } from "../../tensor/ops/attention.ts";
import { concatenate } from "../../tensor/ops/concatenate.ts";
import type { Packed } from "../../tensor/packed.ts";
import type { Tensor } from "../../tensor/tensor.ts";
import type { PromptMemory, PromptPart } from "../language_model.ts";
import { groupsOfPrompts, type PromptGroups } from "../shared_prompts.ts";

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
  ) {}

  /** Prompts whose keys and values are kept, for any number of steps and passes. */
  static kept(lengths: readonly number[], layers: readonly CrossKeys[]): EncodedPrompts {
    return new EncodedPrompts(lengths, startsOf(lengths), layers, null);
  }

  /**
   * Prompts for one pass over the decoder. A layer's keys and values live as long as the layer does:
   * without a tape that is one layer at a time, and a layer that is computed again in the backward
   * pass computes them again, too.
   */
  static forPass(
    { sequenceLengths }: Packed,
    make: (layer: number) => CrossKeys,
  ): EncodedPrompts {
    return new EncodedPrompts(sequenceLengths, startsOf(sequenceLengths), null, make);
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
    return new EncodedPrompts(lengths, starts, layers, null);
  }

  /** Rows that are some of these prompts, any number of times each, with the same keys and values. */
  select(which: readonly number[]): EncodedPrompts {
    return new EncodedPrompts(
      which.map((prompt) => this.lengths[prompt]),
      Int32Array.from(which, (prompt) => this.starts[prompt]),
      this.kept,
      this.make,
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

  /** Rows of a step of decoding: one query of each of `which`, in that order, and the keys that it sees. */
  stepRows(cx: Context, which: readonly number[]): SeenRows {
    const ones = new Array<number>(which.length).fill(1);
    const starts = Int32Array.from(which, (row) => this.starts[row]);
    const lengths = Int32Array.from(which, (row) => this.lengths[row]);
    return seenRows(cx, ones, { starts, lengths }, null);
  }

  /**
   * Rows of continuations of all prompts, and of the keys that they see. Keys that sequences share are
   * a prefix where a backward pass follows, which sums their gradient.
   */
  passRows(cx: Context, { sequenceLengths }: Packed): SeenRows {
    const keys = { starts: this.starts, lengths: Int32Array.from(this.lengths) };
    const shared = cx.grad ? groupsOfPrompts(keys.starts, keys.lengths) : null;
    return seenRows(cx, sequenceLengths, keys, shared);
  }
}

/** Rows of the queries of an attention, and of the keys that they see. */
export interface SeenRows {
  readonly queries: Rows;
  /** Rows of the keys, none where all are in the prefix. */
  readonly keys: Rows;
  /** Rows of keys that sequences share; null where a backward pass need not tell. */
  readonly prefix: Pick<Prefix, "rows" | "sharing"> | null;
}

/** Uploads rows into one block, so that no attention has to copy them. */
function seenRows(
  cx: Context,
  queryLengths: readonly number[],
  keys: { readonly starts: Int32Array; readonly lengths: Int32Array },
  shared: PromptGroups | null,
): SeenRows {
  const none = new Int32Array(queryLengths.length);
  const [queryStarts, lengths, keyStarts, keyLengths, zeros, order, groups] = uploadLists(cx, [
    startsOf(queryLengths),
    Int32Array.from(queryLengths),
    keys.starts,
    keys.lengths,
    ...shared ? [none, shared.order, shared.groups] : [],
  ]);
  const queries = { starts: queryStarts, lengths, maxLength: Math.max(...queryLengths) };
  const seen = { starts: keyStarts, lengths: keyLengths, maxLength: Math.max(...keys.lengths) };
  if (!shared) return { queries, keys: seen, prefix: null };
  return {
    queries,
    keys: { starts: zeros, lengths: zeros, maxLength: 0 },
    prefix: { rows: seen, sharing: { order, starts: groups } },
  };
}

/** First row of each of some consecutive runs. */
function startsOf(lengths: readonly number[]): Int32Array {
  const starts = new Int32Array(lengths.length);
  for (let i = 1; i < starts.length; i++) starts[i] = starts[i - 1] + lengths[i - 1];
  return starts;
}
