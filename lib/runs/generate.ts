import { openDevice } from "../device/open.ts";
import { generateInBatches, type TextGenerator } from "../evaluation/text_generator.ts";
import { generate } from "../generation/generate.ts";
import type { LoraAdapter } from "../nn/lora.ts";
import type { TrainConfig } from "./config.ts";
import { loadRunPolicy, type RunPolicy } from "./policy.ts";

/** How a policy responds; the names are those of a run's settings. */
export interface ResponseSettings
  extends Pick<TrainConfig, "minLength" | "topK" | "topP" | "temperature" | "seed"> {
  /** Most tokens of a response. */
  maxNewTokens: number;
  /** Draw tokens at random; else the likeliest each time. Default: true. */
  doSample?: boolean;
}

/**
 * A policy as prompts in and texts out, special tokens skipped.
 *
 * @param adapter the one to use; null for the model without any
 */
export function textGenerator(
  { model, tokenizer }: Pick<RunPolicy, "model" | "tokenizer">,
  adapter: LoraAdapter | null,
  settings: ResponseSettings,
): TextGenerator {
  const { minLength, topK, topP, temperature, seed, maxNewTokens, doSample = true } = settings;
  const sampling = { minLength, topK, topP, temperature, seed, maxNewTokens, doSample };
  return async (prompts, firstRollout) => {
    const queries = prompts.map(({ inputIds }) => [...inputIds]);
    const heads = { adapter, valueHead: null };
    const generated = await generate(model, queries, { ...sampling, firstRollout }, heads);
    return generated.map(({ tokens }) => tokenizer.decode(tokens, { skipSpecialTokens: true }));
  };
}

/**
 * Loads a policy and lets it respond to texts.
 *
 * @param texts each is put into the prompt's template
 * @returns one response per text
 * @throws {UserError} when the policy does not load
 */
export async function generateTexts(
  config: TrainConfig,
  texts: readonly string[],
  options: Pick<ResponseSettings, "maxNewTokens" | "doSample">,
): Promise<string[]> {
  const device = await openDevice(config);
  try {
    const policy = await loadRunPolicy(device, config);
    const prompts = texts.map((text) => {
      const query = config.prompt.replaceAll("{dialogue}", () => text);
      return { query, inputIds: policy.tokenizer.encode(query) };
    });
    // A fresh adapter changes nothing, but costs time.
    const adapter = config.adapter === null ? null : policy.adapter;
    return await generateInBatches(
      textGenerator(policy, adapter, { ...config, ...options }),
      prompts,
    );
  } finally {
    device.close();
  }
}
