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
  if (firsts.length === prompts.length || cx.dropoutSeed !== null || cx.grad) {
    return model.prefill(cx, prompts, adapter, use);
  }
  const memory = model.prefill(cx, firsts.map((row) => prompts[row]), adapter, use);
  return model.selectPrompts(memory, which);
}
