import type { PromptKeys } from "../../nn/key_value_cache.ts";
import type { Context } from "../../tensor/context.ts";
import { uploadLists } from "../../tensor/lists.ts";
import type { Prefix, Rows } from "../../tensor/ops/attention.ts";
import { concatenate } from "../../tensor/ops/concatenate.ts";
import type { Packed } from "../../tensor/packed.ts";
import type { Tensor } from "../../tensor/tensor.ts";
import type { PromptMemory, PromptPart } from "../language_model.ts";
import { groupsOfPrompts } from "../shared_prompts.ts";

/** Keys and values that a layer keeps of M tokens: both, or the output of the layer that makes both. */
export type KeptKeys = readonly [k: Tensor, v: Tensor] | readonly [qkv: Tensor];

/**
 * Prompts that a decoder has read but for their last tokens, which are the first inputs of what
 * continues them. Rows may share a prompt.
 */
export class ReadPrompts implements PromptMemory {
  private constructor(
    readonly lengths: readonly number[],
    /** Rows of each prompt's keys, of which there is none of a prompt of one token. */
    readonly keys: PromptKeys,
    /** Keys and values of each layer; none where no token was read. */
    readonly layers: readonly KeptKeys[],
  ) {}

  /**
   * Prompts whose keys lie one after the other.
   *
   * @param lengths number of tokens of each prompt, its last one included
   */
  static inOrder(lengths: readonly number[], layers: readonly KeptKeys[]): ReadPrompts {
    const read = lengths.map((n) => n - 1);
    return new ReadPrompts(lengths, { starts: startsOf(read), lengths: read }, layers);
  }

  /** A batch of `count` prompts from parts that cover each row once. */
  static join(cx: Context, parts: readonly PromptPart[], count: number): ReadPrompts {
    const lengths = new Array<number>(count).fill(0);
    const keys = { starts: new Int32Array(count), lengths: new Int32Array(count) };
    const layers: (readonly KeptKeys[])[] = [];
    let tokens = 0;
    for (const { rows, memory } of parts) {
      const part = ReadPrompts.of(memory);
      rows.forEach((row, i) => {
        lengths[row] = part.lengths[i];
        keys.starts[row] = tokens + part.keys.starts[i];
        keys.lengths[row] = part.keys.lengths[i];
      });
      if (part.layers.length === 0) continue;
      layers.push(part.layers);
      tokens += part.layers[0][0].rows;
    }
    const joined = layers.length === 0
      ? []
      : layers[0].map((kept, layer) =>
        kept.map((_, i) => concatenate(cx, layers.map((part) => part[layer][i]!)))
      );
    return new ReadPrompts(lengths, keys, joined as unknown as KeptKeys[]);
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

  /** Rows that are some of these prompts, any number of times each, with the same keys and values. */
  select(which: readonly number[]): ReadPrompts {
    const { starts, lengths } = this.keys;
    const keys = {
      starts: which.map((prompt) => starts[prompt]),
      lengths: which.map((prompt) => lengths[prompt]),
    };
    return new ReadPrompts(which.map((prompt) => this.lengths[prompt]), keys, this.layers);
  }

  /**
   * Rows of what continues the prompts, and of the prompts' keys: null where no prompt has any. They
   * are in one block, so that no attention has to copy them.
   *
   * @param inputs one sequence for each prompt
   */
  upload(
    cx: Context,
    { starts, lengths, sequenceLengths, maxLength }: Packed,
  ): { own: Rows; prompts: Pick<Prefix, "rows" | "sharing"> | null } {
    const keyStarts = Int32Array.from(this.keys.starts);
    const keyLengths = Int32Array.from(this.keys.lengths);
    const longest = Math.max(...keyLengths);
    if (longest === 0) return { own: { starts, lengths, maxLength }, prompts: null };
    const shared = groupsOfPrompts(keyStarts, keyLengths);
    const [ownStarts, ownLengths, promptStarts, promptLengths, order, groups] = uploadLists(cx, [
      startsOf(sequenceLengths),
      Int32Array.from(sequenceLengths),
      keyStarts,
      keyLengths,
      ...shared ? [shared.order, shared.groups] : [],
    ]);
    return {
      own: { starts: ownStarts, lengths: ownLengths, maxLength },
      prompts: {
        rows: { starts: promptStarts, lengths: promptLengths, maxLength: longest },
        sharing: shared && { order, starts: groups },
      },
    };
  }
}

/** First row of each of some consecutive runs. */
function startsOf(lengths: readonly number[]): Int32Array {
  const starts = new Int32Array(lengths.length);
  for (let i = 1; i < starts.length; i++) starts[i] = starts[i - 1] + lengths[i - 1];
  return starts;
}
