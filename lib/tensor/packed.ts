import type { Context } from "./context.ts";
import { uploadLists } from "./lists.ts";
import type { Tensor } from "./tensor.ts";

/**
 * A batch of token sequences, packed: N tokens in all, sequence b being rows
 * starts[b] … starts[b] + lengths[b] - 1. There is no padding, so results cannot depend on it.
 */
export class Packed {
  /** Number of tokens of the longest sequence. */
  readonly maxLength: number;

  private constructor(
    /** Token ids, i32 [N]. */
    readonly ids: Tensor,
    /** First row of each sequence, i32 [B]. */
    readonly starts: Tensor,
    /** Rows of each sequence, i32 [B]. */
    readonly lengths: Tensor,
    /** `lengths` on the host. */
    readonly sequenceLengths: readonly number[],
  ) {
    this.maxLength = sequenceLengths.reduce((a, b) => Math.max(a, b));
  }

  /** Uploads sequences of at least one token each. The tensors live as long as the context says. */
  static create(cx: Context, sequences: readonly (readonly number[])[]): Packed {
    const sequenceLengths = sequences.map((s) => s.length);
    if (sequences.length === 0 || sequenceLengths.includes(0)) {
      throw new RangeError("a packed batch needs at least one sequence and no empty ones");
    }
    const starts = new Int32Array(sequences.length);
    for (let b = 1; b < starts.length; b++) starts[b] = starts[b - 1] + sequenceLengths[b - 1];
    const ids = new Int32Array(starts[starts.length - 1] + sequenceLengths[starts.length - 1]);
    sequences.forEach((sequence, b) => ids.set(sequence, starts[b]));
    const [firstRows, lengths] = uploadLists(cx, [starts, Int32Array.from(sequenceLengths)]);
    return new Packed(cx.from(ids), firstRows, lengths, sequenceLengths);
  }

  /** Number of sequences, B. */
  get count(): number {
    return this.sequenceLengths.length;
  }

  /** Number of tokens, N. */
  get total(): number {
    return this.ids.length;
  }

  /** Row of each sequence's last token. */
  get lastRows(): Int32Array {
    let end = -1;
    return Int32Array.from(this.sequenceLengths, (length) => end += length);
  }
}
