import type { Span } from "../../lib/device/device.ts";
import { UserError } from "../../lib/errors.ts";

/** The most keys a sequence may have: a row of scores and one of its gradient fit the scratch. */
const MAX_KEYS = 124_000;

/**
 * Rows of one side of the attention that belong together: sequence b owns starts[b] … + lengths[b] - 1.
 * A GPU binds all tables of an attention as one, and copies them where they are in several blocks.
 */
export interface AttentionRows {
  /** i32 [sequences] */
  readonly starts: Span;
  /** i32 [sequences] */
  readonly lengths: Span;
  /** The longest of the lengths, or more. */
  readonly maxLength: number;
  /**
   * Neighbouring sequences name the same rows, of a prefix: in decoding, those are read together.
   * Default: false.
   */
  readonly repeated?: boolean;
}

/**
 * Keys and values before those of `Attention.keys`, in memory of their own; several sequences may
 * name the same rows.
 */
export interface AttentionPrefix {
  /** Keys f32 [·, keyHeads · headSize]; rows are `kStride` elements apart. */
  readonly k: Span;
  /** Values f32 [·, keyHeads · headSize]; rows are `vStride` elements apart. */
  readonly v: Span;
  readonly kStride: number;
  readonly vStride: number;
  readonly rows: AttentionRows;
  /** The sequences with the same prefix rows, for the backward pass; null when no two share any. */
  readonly sharing: PrefixSharing | null;
}

/**
 * Sequences grouped by prefix: group g is order[starts[g]] … order[starts[g + 1] - 1], in which order
 * the gradients of its prefix are summed.
 */
export interface PrefixSharing {
  /** i32 [sequences], sorted stably by prefix. */
  readonly order: Span;
  /** i32 [groups + 1] */
  readonly starts: Span;
  readonly groups: number;
}

/**
 * One attention over packed sequences. The keys of a sequence are those of its prefix, then its own.
 * Query i stands at position `prefix + keys - queries + i`, so that one new token can look at a cache
 * of all before it.
 */
export interface Attention {
  /** Queries f32 [·, heads · headSize]; rows are `qStride` elements apart. */
  readonly q: Span;
  /** Keys f32 [·, keyHeads · headSize]; rows are `kStride` elements apart. */
  readonly k: Span;
  /** Values f32 [·, keyHeads · headSize]; rows are `vStride` elements apart. */
  readonly v: Span;
  readonly qStride: number;
  readonly kStride: number;
  readonly vStride: number;
  readonly queries: AttentionRows;
  readonly keys: AttentionRows;
  readonly sequences: number;
  readonly heads: number;
  /** Heads of keys and values: query head h reads head ⌊h · keyHeads / heads⌋. Default: heads. */
  readonly keyHeads?: number;
  readonly headSize: number;
  /** Multiplies q · k: 1 in T5, 1/√headSize elsewhere. */
  readonly scale: number;
  /** A query sees no key after its own position. */
  readonly causal: boolean;
  /** Added to scores: f32 [heads, 2 · reach + 1] by key position - query position + reach. */
  readonly bias: { readonly table: Span; readonly reach: number } | null;
  /** Default null: none. */
  readonly prefix?: AttentionPrefix | null;
  /**
   * Keys that a query sees, its own position's the last; with `causal`. Default null: all. Whoever
   * drops keys that no query sees any more drops a multiple of 32, or sums change their order.
   */
  readonly window?: number | null;
}

/** Results of the forward pass that `attentionBackward` reads, and the gradients it writes. */
export interface AttentionGradients {
  /** The output, f32 [queries, heads · headSize]. */
  readonly o: Span;
  /** Log-sum-exp of the scores, f32 [queries, heads]. */
  readonly lse: Span;
  /** Gradient of the output, laid out as it. */
  readonly dOut: Span;
  /** Gradients laid out as q, k and v; null where none is wanted. */
  readonly dq: GradientTarget | null;
  readonly dk: GradientTarget | null;
  readonly dv: GradientTarget | null;
  /** Gradients of the prefix, laid out as its k and v; added to. Default null: none is wanted. */
  readonly prefix?: { readonly dk: Span | null; readonly dv: Span | null } | null;
  /** Gradient of the bias for each sequence, f32 [sequences, heads, 2 · reach + 1], overwritten. */
  readonly dBiasPartials: Span | null;
}

/** Heads of keys and values. */
export function keyHeadsOf({ heads, keyHeads = heads }: Attention): number {
  return keyHeads;
}

/** The most keys that a sequence has, its prefix included, or more. */
export function mostKeys({ keys, prefix }: Attention): number {
  return keys.maxLength + (prefix?.rows.maxLength ?? 0);
}

/** A gradient to be overwritten or added to. */
export interface GradientTarget {
  readonly into: Span;
  readonly accumulate: boolean;
}

/**
 * Checks the sizes of an attention.
 *
 * @throws {UserError} when a sequence is too long
 * @throws {RangeError} when the bias table is too short for it, or no kernel computes it
 */
export function checkShape(p: Attention): void {
  const longest = mostKeys(p);
  if (longest > MAX_KEYS) {
    throw new UserError(
      `a sequence of ${longest} tokens is too long: Temper's attention reads at most ${MAX_KEYS}; shorten the text`,
    );
  }
  if (p.bias && p.bias.reach < longest - 1) {
    throw new RangeError(
      `attention over ${longest} positions: the bias table reaches only ${p.bias.reach}`,
    );
  }
  if (p.bias && p.prefix) throw new RangeError("attention: a prefix with a bias has no kernel");
  if (p.heads % keyHeadsOf(p) !== 0) {
    throw new RangeError(`attention: ${p.heads} query heads for ${p.keyHeads} key heads`);
  }
  if (p.window != null && !(p.causal && p.window >= 1)) {
    throw new RangeError(`attention: a window of ${p.window} keys, causal ${p.causal}`);
  }
}
