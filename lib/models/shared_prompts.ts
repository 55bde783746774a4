import type { LoraAdapter } from "../nn/lora.ts";
import type { Context } from "../tensor/context.ts";
import type { LanguageModel, PromptMemory } from "./language_model.ts";

/** Prompts without repetitions. */
export interface DistinctPrompts {
  /** First row of each distinct prompt. */
  readonly firsts: readonly number[];
  /** Index of each row's prompt among the distinct ones. */
  readonly which: readonly number[];
}

/** Finds rows that have equal prompts. */
export function distinctPrompts(prompts: readonly (readonly number[])[]): DistinctPrompts {
  const found = new Map<string, number>();
  const firsts: number[] = [];
  const which = prompts.map((prompt, row) => {
    const key = prompt.join(",");
    const index = found.get(key) ?? firsts.push(row) - 1;
    found.set(key, index);
    return index;
  });
  return { firsts, which };
}

/**
 * Reads the prompts of some rows, equal ones once: their rows share keys and values, and a gradient
 * is summed over them before it flows through the prompt. With dropout each row has its own mask,
 * so nothing is shared.
 *
 * @param use as for {@linkcode LanguageModel.prefill}
 */
export function readPrompts(
  cx: Context,
  model: LanguageModel,
  prompts: readonly (readonly number[])[],
  adapter: LoraAdapter | null,
  use: "pass" | "decoding",
): PromptMemory {
  const { firsts, which } = distinctPrompts(prompts);
  if (firsts.length === prompts.length || cx.dropoutSeed !== null) {
    return model.prefill(cx, prompts, adapter, use);
  }
  const memory = model.prefill(cx, firsts.map((row) => prompts[row]), adapter, use);
  return model.selectPrompts(memory, which);
}

/** Sequences grouped by prompt, as an attention's `PrefixSharing`. */
export interface PromptGroups {
  /** All sequences, sorted stably by prompt. */
  readonly order: Int32Array;
  /** First place in `order` of each group, and the number of sequences. */
  readonly groups: Int32Array;
}

/**
 * Groups sequences by the rows of their prompts' keys, for the backward pass of an attention; null
 * where each has its own.
 *
 * @param starts first row of each sequence's prompt
 * @param lengths number of rows
 */
export function groupsOfPrompts(starts: Int32Array, lengths: Int32Array): PromptGroups | null {
  // A prompt without keys begins where the next one does.
  const compare = (a: number, b: number) => starts[a] - starts[b] || lengths[a] - lengths[b];
  const order = Int32Array.from(starts.keys()).sort((a, b) => compare(a, b) || a - b);
  const groups = [...order.keys()].filter((i) => i === 0 || compare(order[i - 1], order[i]) !== 0);
  if (groups.length === order.length) return null;
  return { order, groups: Int32Array.of(...groups, order.length) };
}
