import { embedding as gather } from "../../kernels/embedding/embedding.ts";
import type { SteppedMemory } from "../device/device.ts";
import type { Context } from "../tensor/context.ts";
import { inSteps, uploadLists } from "../tensor/lists.ts";
import type { Rows } from "../tensor/ops/attention.ts";
import type { CacheSlots } from "../tensor/ops/projections.ts";
import type { Tensor } from "../tensor/tensor.ts";

/** Keys and values of the prompts that a layer's self-attention sees before its own. */
export interface PromptKeys {
  /** Row of each sequence's first key. */
  readonly starts: ArrayLike<number>;
  /** Number of keys of each sequence. */
  readonly lengths: ArrayLike<number>;
}

/** A self-attention layer whose keys and values are kept. */
export interface CachedLayer {
  /** Width of a token's keys, and of its values. */
  readonly width: number;
  /** Number of positions that a query sees, its own included; null for all. */
  readonly window: number | null;
  /** Prompts, which are kept elsewhere; null where self-attention does not see them. */
  readonly prompts: PromptKeys | null;
}

/** Keys and values of one layer in one step of decoding. */
export interface LayerKeys {
  /** Rows of the kept keys and values, those of the new tokens included. */
  readonly kept: Rows;
  /** Slots for the new tokens' keys and values; its tensors hold the kept ones. */
  readonly slots: CacheSlots;
  /** Rows of the prompts' keys and values, none where the window has passed them; null as in the layer. */
  readonly prompts: Rows | null;
}

/** One step of decoding. */
export interface CacheStep {
  /** Rows of the queries: the new tokens, one of each sequence. */
  readonly queries: Rows;
  /** Keys and values that a layer reads and writes. */
  layer(index: number): LayerKeys;
}

/** Prepared steps of decoding. */
export interface CacheWindow {
  /** Memory of which each step uses a part of its own. */
  readonly stepped: readonly SteppedMemory[];
  /** i32 [steps · rows], position of each token in its text, step by step. */
  readonly positions: Tensor;
  /** Step 0, 1, … */
  step(index: number): CacheStep;
}

/** Number of positions that a row's slot has at first. */
const FIRST_POSITIONS = 64;
/** Positions are dropped by multiples of this, or attention would sum in another order. */
const DROPPED_TOGETHER = 32;

/**
 * Number of positions before `position` that no query from there on sees, as far as they can be dropped.
 *
 * @param window number of positions that a query sees, its own included; null for all
 */
export function outOfReach(window: number | null, position: number): number {
  const unseen = Math.max(0, position + 1 - (window ?? Infinity));
  return unseen - unseen % DROPPED_TOGETHER;
}

/**
 * Keys and values of the self-attention layers of a batch that is being generated. Each row has a
 * slot in one tensor a layer. Slots begin with 64 positions; once they are too short, those of the
 * rows that are left move into new tensors with twice the room. A layer with a window leaves behind
 * what no later query sees.
 */
export class KeyValueCache {
  readonly #groups: readonly SlotGroup[];
  readonly #groupOf: readonly SlotGroup[];

  /**
   * Takes no memory yet.
   *
   * @param cx owns the memory
   * @param capacities maximum number of tokens of each row
   */
  constructor(cx: Context, layers: readonly CachedLayer[], capacities: readonly number[]) {
    const groups: SlotGroup[] = [];
    this.#groupOf = layers.map((layer, index) => {
      let group = groups.find((group) => group.fits(layer));
      if (!group) groups.push(group = new SlotGroup(cx, layer.window, layer.prompts, capacities));
      group.layers.set(index, { width: layer.width, k: null, v: null });
      return group;
    });
    this.#groups = groups;
  }

  /**
   * Prepares steps that each read one token of each of `rows`, at `steps` positions from `first` on:
   * makes room, and uploads all that they need at once, so that a step uploads nothing.
   *
   * @param cx owns the uploads
   * @param rows indices into the batch, all among those of the windows before
   * @param before number of tokens before the first position, by row of the batch. Default: none
   */
  window(
    cx: Context,
    rows: readonly number[],
    first: number,
    steps: number,
    before: ArrayLike<number> = [],
  ): CacheWindow {
    const plans = this.#groups.map((group) => {
      group.makeRoom(rows, first, steps);
      return group.plan(rows, first, steps);
    });
    const places = Int32Array.from({ length: steps * rows.length }, (_, i) => {
      const tokensBefore = before[rows[i % rows.length]] ?? 0;
      return tokensBefore + first + Math.floor(i / rows.length);
    });
    const [positions, starts, lengths, ...tables] = uploadLists(cx, [
      places,
      Int32Array.from(rows, (_, i) => i),
      new Int32Array(rows.length).fill(1),
      ...plans.flatMap(({ lists }) => lists),
    ]);
    const queries = { starts, lengths, maxLength: 1 };
    const windows = plans.map(({ lists, open }) => open(tables.splice(0, lists.length)));
    const windowOf = new Map(this.#groups.map((group, i) => [group, windows[i]]));
    const groupOf = this.#groupOf;
    return {
      stepped: windows.flatMap(({ stepped }) => stepped),
      step: (step) => ({
        queries,
        layer: (index) => windowOf.get(groupOf[index])!.keys(step, index),
      }),
      positions,
    };
  }
}

/** Tensors of a layer; null before the first step. */
interface LayerTensors {
  readonly width: number;
  k: Tensor | null;
  v: Tensor | null;
}

/** Place of a row's keys in the tensors of a group. */
interface Slot {
  /** First row of the tensors. */
  readonly start: number;
  /** Number of rows. */
  readonly capacity: number;
  /** Number of the row's own positions that have been left behind. */
  readonly dropped: number;
}

/** Lists that the steps of a window need. */
interface WindowPlan {
  /** To be uploaded. */
  readonly lists: readonly Int32Array[];
  /** The group's part of a window, from the uploaded lists. */
  open(lists: readonly Tensor[]): GroupWindow;
}

/** A group's part of a window. */
interface GroupWindow {
  readonly stepped: readonly SteppedMemory[];
  keys(step: number, layer: number): LayerKeys;
}

/** Layers whose slots are alike. */
class SlotGroup {
  readonly layers = new Map<number, LayerTensors>();
  #slots = new Map<number, Slot>();

  constructor(
    private readonly cx: Context,
    private readonly reach: number | null,
    private readonly prompts: PromptKeys | null,
    private readonly capacities: readonly number[],
  ) {}

  fits({ window, prompts }: CachedLayer): boolean {
    return window === this.reach && prompts === this.prompts;
  }

  /** Moves the slots of `rows`, and leaves the other rows behind, if one of theirs is too short. */
  makeRoom(rows: readonly number[], first: number, steps: number): void {
    const needed = (row: number) => Math.min(first + steps, this.capacities[row]);
    const isShort = (row: number) => {
      const slot = this.#slots.get(row);
      return !slot || slot.dropped + slot.capacity < needed(row);
    };
    if (!rows.some(isShort)) return;
    const slots = new Map<number, Slot>();
    const from: number[] = [];
    for (const row of rows) {
      const old = this.#slots.get(row);
      const dropped = Math.max(old?.dropped ?? 0, this.#outOfReach(row, first));
      const kept = first - dropped;
      const room = Math.max(FIRST_POSITIONS, 2 * kept, needed(row) - dropped);
      const capacity = Math.min(room, this.capacities[row] - dropped);
      slots.set(row, { start: from.length, capacity, dropped });
      for (let i = 0; i < capacity; i++) {
        from.push(old && i < kept ? old.start + dropped - old.dropped + i : -1);
      }
    }
    const isFirst = this.#slots.size === 0;
    this.#slots = slots;
    if (isFirst) {
      for (const layer of this.layers.values()) {
        [layer.k, layer.v] = this.#tensors(from.length, layer.width);
      }
      return;
    }
    const ids = this.cx.from(Int32Array.from(from));
    for (const layer of this.layers.values()) {
      const [k, v] = this.#tensors(from.length, layer.width);
      this.#move(layer.k!, k, ids);
      this.#move(layer.v!, v, ids);
      Object.assign(layer, { k, v });
    }
    this.cx.free(ids);
  }

  /** Prepares steps for rows that have room for them. */
  plan(rows: readonly number[], first: number, steps: number): WindowPlan {
    const count = rows.length;
    const slots = rows.map((row) => this.#slots.get(row)!);
    const byStep = (value: (slot: Slot, position: number) => number) =>
      Int32Array.from(
        { length: steps * count },
        (_, i) => value(slots[i % count], first + Math.floor(i / count)),
      );
    const starts = Int32Array.from(slots, ({ start }) => start);
    const lengths = byStep(({ dropped }, position) => position + 1 - dropped);
    const writeTo = byStep(({ start, dropped }, position) => start + position - dropped);
    const prompts = this.prompts && seenPrompts(this.prompts, rows, slots);
    // In the last step, for all of them: a step differs from another in nothing but its lists.
    const maxLength = first + steps - Math.min(...slots.map(({ dropped }) => dropped));
    const longestPrompt = prompts && Math.max(...prompts.lengths);
    const repeated = prompts?.starts.some((start, i) => start === prompts.starts[i - 1]) ?? false;
    return {
      lists: [starts, lengths, writeTo, ...prompts ? [prompts.starts, prompts.lengths] : []],
      open: ([starts, lengths, writeTo, promptStarts, promptLengths]) => {
        const prompts = longestPrompt === null
          ? null
          : { starts: promptStarts, lengths: promptLengths, maxLength: longestPrompt, repeated };
        const ofStep = (list: Tensor, step: number) => list.slice(step * count, count);
        return {
          stepped: [lengths, writeTo].map((list) => inSteps(list, steps)),
          keys: (step, index) => {
            const { k, v } = this.layers.get(index)!;
            return {
              kept: { starts, lengths: ofStep(lengths, step), maxLength },
              slots: { k: k!, v: v!, rows: ofStep(writeTo, step) },
              prompts,
            };
          },
        };
      },
    };
  }

  /** Number of a row's own positions that no query from `position` on sees. */
  #outOfReach(row: number, position: number): number {
    const before = this.prompts?.lengths[row] ?? 0;
    return Math.max(0, outOfReach(this.reach, before + position) - before);
  }

  /** Tensors for a layer's keys and values, in one block, since one kernel writes both. */
  #tensors(rows: number, width: number): Tensor[] {
    return this.cx.emptyTogether([[rows, width], [rows, width]]);
  }

  /** Copies keys or values to their new rows, and frees the old ones. */
  #move(old: Tensor, into: Tensor, from: Tensor): void {
    const { device } = this.cx;
    const shape = { count: from.length, rows: old.rows, width: old.width };
    gather(device, into, old, from, shape, { dtype: "f32", accumulate: false });
    this.cx.free(old);
  }
}

/** Rows of the prompts' keys: those of a sequence that has dropped some of its own are dropped, too. */
function seenPrompts(prompts: PromptKeys, rows: readonly number[], slots: readonly Slot[]) {
  return {
    starts: Int32Array.from(rows, (row) => prompts.starts[row]),
    lengths: Int32Array.from(
      rows,
      (row, i) => slots[i].dropped > 0 ? 0 : prompts.lengths[row],
    ),
  };
}
