import { DEFAULT_PROMPT } from "../../data/dialogue_format.ts";
import { generateInBatches, textGenerator } from "../../evaluation/text_generator.ts";
import { samplingOf, type TrainConfig } from "../settings/config.ts";
import { openRunDevice } from "../loading/device.ts";
import { checkTextLengths, promptsOfExamples } from "../loading/text_length.ts";
import { type GeneratorHooks, loadRunPolicy, noteRecommendations } from "../loading/policy.ts";

/** Settings of generating texts: those of a run, and a template that may be left open. */
export type TextSettings = Omit<TrainConfig, "prompt"> & {
  /** Template of the prompt; null for DialogSum's, for a decoder-only model the text itself. */
  readonly prompt: string | null;
};

/**
 * Loads a policy and lets it respond to texts.
 *
 * @param texts each is put into the prompt's template
 * @param options.doSample draw tokens at random; else the likeliest each time
 * @returns one response per text
 * @throws {UserError} when the policy does not load
 */
export async function generateTexts(
  config: TextSettings,
  texts: readonly string[],
  options: { maxNewTokens: number; doSample: boolean },
  hooks: GeneratorHooks = {},
): Promise<string[]> {
  const device = await openRunDevice(config, hooks.info);
  try {
    const policy = await loadRunPolicy(device, config, hooks);
    noteRecommendations(policy, hooks);
    const { model, tokenizer, adapter } = policy;
    // A fresh adapter changes nothing, but costs time.
    const used = config.adapter === null ? null : adapter;
    const generate = textGenerator(model, tokenizer, { ...samplingOf(config), ...options }, used);
    // A decoder goes on with whatever it reads: it is no summarizer by itself.
    const template = config.prompt ??
      (model.taskType === "CAUSAL_LM" ? "{dialogue}" : DEFAULT_PROMPT);
    const prompts = texts.map((text) => {
      const query = template.replaceAll("{dialogue}", () => text);
      return { query, inputIds: tokenizer.encode(query) };
    });
    const long = checkTextLengths(
      model,
      promptsOfExamples(prompts, (index) => `text ${index + 1}`),
      { newTokens: options.maxNewTokens, setting: "maxNewTokens" },
    );
    if (long !== null) hooks.info?.(long);
    return await generateInBatches(generate, prompts);
  } finally {
    device.close();
  }
}
