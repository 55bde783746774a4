import { outOfReach, type PromptKeys } from "../../nn/key_value_cache.ts";
import type { Context } from "../../tensor/context.ts";
import { uploadLists } from "../../tensor/lists.ts";
import type { Prefix, Rows } from "../../tensor/ops/attention.ts";
import { concatenate } from "../../tensor/ops/concatenate.ts";
import { embedding } from "../../tensor/ops/embedding.ts";
import type { Packed } from "../../tensor/packed.ts";
import type { Tensor } from "../../tensor/tensor.ts";
import type { PromptMemory, PromptPart } from "../language_model.ts";
import { groupsOfPrompts } from "../shared_prompts.ts";

/** Keys and values that a layer keeps of M tokens: both, or the output of the layer that makes both. */
export type KeptKeys = readonly [k: Tensor, v: Tensor] | readonly [qkv: Tensor];

/** Keys and values of the prompts that a layer keeps. */
export interface LayerPrompts {
  readonly kept: KeptKeys;
  /**
   * Rows of each prompt's keys, of which there is none of a prompt of one token; the same object in
   * layers that keep the same positions.
   */
  readonly keys: PromptKeys;
}

/** Rows of an attention's prefix. */
type PrefixRows = Pick<Prefix, "rows" | "sharing">;

/**
 * Prompts that a decoder has read but for their last tokens, which are the first inputs of what
 * continues them. Rows may share a prompt.
 */
export class ReadPrompts implements PromptMemory {
  readonly #none: PromptKeys;

  /**
   * Prompts and what each layer keeps of them.
   *
   * @param lengths number of tokens of each prompt, its last one included
   * @param layers none where no token was read
   */
  constructor(readonly lengths: readonly number[], readonly layers: readonly LayerPrompts[]) {
    const none = new Int32Array(lengths.length);
    this.#none = { starts: none, lengths: none };
  }

  /** A batch of `count` prompts from parts that cover each row once. */
  static join(cx: Context, parts: readonly PromptPart[], count: number): ReadPrompts {
    const lengths = new Array<number>(count).fill(0);
    const read = parts.map(({ rows, memory }) => ({ rows, part: ReadPrompts.of(memory) }));
    for (const { rows, part } of read) rows.forEach((row, i) => lengths[row] = part.lengths[i]);
    const kept = read.filter(({ part }) => part.layers.length > 0);
    const found: { of: readonly PromptKeys[]; keys: PromptKeys }[] = [];
    const layers = (kept[0]?.part.layers ?? []).map((first, layer): LayerPrompts => {
      const all = kept.map(({ part }) => part.layers[layer]);
      let joined = found.find(({ of }) => all.every(({ keys }, i) => keys === of[i]));
      if (!joined) {
        const keys = { starts: new Int32Array(count), lengths: new Int32Array(count) };
        let before = 0;
        all.forEach((one, i) => {
          kept[i].rows.forEach((row, prompt) => {
            keys.starts[row] = before + one.keys.starts[prompt];
            keys.lengths[row] = one.keys.lengths[prompt];
          });
          before += one.kept[0].rows;
        });
        found.push(joined = { of: all.map(({ keys }) => keys), keys });
      }
      const tensors = first.kept.map((_, i) => concatenate(cx, all.map(({ kept }) => kept[i]!)));
      return { kept: tensors as unknown as KeptKeys, keys: joined.keys };
    });
    return new ReadPrompts(lengths, layers);
  }

  /**
   * The memory of a decoder-only model.
   *
   * @throws {TypeError} when another model has read the prompts
   */
  static of(memory: PromptMemory): ReadPrompts {
    if (memory instanceof ReadPrompts) return memory;
    throw new TypeError("the prompts were read by another kind of model");
  }

  /** Number of tokens of each prompt that were read. */
  get read(): number[] {
    return this.lengths.map((length) => length - 1);
  }

  /** Rows of the prompts' keys in a layer. */
  keys(layer: number): PromptKeys {
    return this.layers[layer]?.keys ?? this.#none;
  }

  /** Rows that are some of these prompts, any number of times each, with the same keys and values. */
  select(which: readonly number[]): ReadPrompts {
    const selected = new Map<PromptKeys, PromptKeys>();
    for (const { keys } of this.layers) {
      if (selected.has(keys)) continue;
      selected.set(keys, {
        starts: which.map((prompt) => keys.starts[prompt]),
        lengths: which.map((prompt) => keys.lengths[prompt]),
      });
    }
    return new ReadPrompts(
      which.map((prompt) => this.lengths[prompt]),
      this.layers.map(({ kept, keys }) => ({ kept, keys: selected.get(keys)! })),
    );
  }

  /**
   * Rows of what continues the prompts, and of the prompts' keys in each layer: null where no prompt
   * has any. They are in one block, so that no attention has to copy them.
   *
   * @param inputs one sequence for each prompt
   */
  upload(
    cx: Context,
    { starts, lengths, sequenceLengths, maxLength }: Packed,
  ): { own: Rows; prompts: (layer: number) => PrefixRows | null } {
    const tables = [...new Set(this.layers.map(({ keys }) => keys))].flatMap((keys) => {
      const [starts, lengths] = [Int32Array.from(keys.starts), Int32Array.from(keys.lengths)];
      const maxLength = Math.max(...lengths);
      const shared = groupsOfPrompts(starts, lengths);
      const lists = [starts, lengths, ...shared ? [shared.order, shared.groups] : []];
      return maxLength === 0 ? [] : [{ keys, maxLength, lists }];
    });
    if (tables.length === 0) {
      return { own: { starts, lengths, maxLength }, prompts: () => null };
    }
    const [ownStarts, ownLengths, ...uploaded] = uploadLists(cx, [
      startsOf(sequenceLengths),
      Int32Array.from(sequenceLengths),
      ...tables.flatMap(({ lists }) => lists),
    ]);
    const prefixes = new Map(tables.map(({ keys, maxLength, lists }): [PromptKeys, PrefixRows] => {
      const [starts, lengths, order, groups] = uploaded.splice(0, lists.length);
      const sharing = order ? { order, starts: groups } : null;
      return [keys, { rows: { starts, lengths, maxLength }, sharing }];
    }));
    return {
      own: { starts: ownStarts, lengths: ownLengths, maxLength },
      prompts: (layer) => prefixes.get(this.keys(layer)) ?? null,
    };
  }
}

/** Rows that a layer keeps of prompts that lie one after the other. */
export interface KeptRows {
  /** Rows of each prompt's keys among those that are kept. */
  readonly keys: PromptKeys;
  /** i32, rows that are kept; null for all of them. */
  readonly rows: Tensor | null;
}

/**
 * Rows that layers keep of prompts, by their windows: without those that no later query sees. With a
 * tape all rows are kept, for the backward pass.
 *
 * @param cx owns the lists of rows
 * @param read number of tokens of each prompt that are read
 */
export function keptRows(
  cx: Context,
  read: readonly number[],
  windows: readonly (number | null)[],
): ReadonlyMap<number | null, KeptRows> {
  const starts = startsOf(read);
  const all: KeptRows = { keys: { starts, lengths: read }, rows: null };
  return new Map([...new Set(windows)].map((window) => {
    const dropped = read.map((count) => cx.grad ? 0 : outOfReach(window, count));
    const lengths = read.map((count, i) => count - dropped[i]);
    if (dropped.every((count) => count === 0) || lengths.every((count) => count === 0)) {
      return [window, all];
    }
    const rows = lengths.flatMap((length, i) =>
      Array.from({ length }, (_, row) => starts[i] + dropped[i] + row)
    );
    const keys = { starts: startsOf(lengths), lengths };
    return [window, { keys, rows: cx.from(Int32Array.from(rows)) }];
  }));
}

/** Some rows of keys and values. */
export function keepRows(cx: Context, whole: KeptKeys, { rows }: KeptRows): KeptKeys {
  if (!rows) return whole;
  return whole.map((tensor) => embedding(cx, tensor, rows)) as unknown as KeptKeys;
}

/** First row of each of some consecutive runs. */
function startsOf(lengths: readonly number[]): Int32Array {
  const starts = new Int32Array(lengths.length);
  for (let i = 1; i < starts.length; i++) starts[i] = starts[i - 1] + lengths[i - 1];
  return starts;
}
