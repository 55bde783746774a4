import { Tokenizer } from "../../../data/tokenizer.ts";
import type { LoraConfig } from "../../../formats/lora_config.ts";
import type { GenerationConfig } from "../../../generation/generation_config.ts";
import { createAdapter } from "../../../models/policy.ts";
import { loadLanguageModel } from "../../../models/registry.ts";
import { locate } from "../../loading/locate.ts";
import type { GroupRunConfig } from "../../settings/group_config.ts";
import type { Generator } from "../fleet/generator.ts";
import type { GeneratorContext } from "../run_task.ts";

/** Settings of sampling in training, without the temperature, which the trainer has. */
export function groupSampling(
  { topK, topP, minP, minNewTokens, repetitionPenalty, stopStrings, seed }: GroupRunConfig,
): Omit<GenerationConfig, "maxNewTokens" | "temperature"> {
  const ends = { minNewTokens, stopStrings: stopStrings ?? [] };
  return { doSample: true, topK, topP, minP, repetitionPenalty, ...ends, seed };
}

/**
 * Loads a policy that responds as a trainer of groups does, with log-probabilities at the
 * temperature.
 *
 * @throws {UserError} when the model is missing or broken
 */
export async function openGroupGenerator(
  { device, config, hooks }: GeneratorContext<GroupRunConfig>,
  lora: LoraConfig,
): Promise<Generator> {
  const folder = await locate("model", config.model, hooks);
  const tokenizer = await Tokenizer.load(folder);
  const model = await loadLanguageModel(device, folder, config);
  const adapter = createAdapter(model, lora, config.seed);
  return {
    model,
    parameters: adapter.parameters,
    tokenizer,
    sampling: { ...groupSampling(config), temperature: config.temperature },
    options: { adapter, logprobs: true, scaledLogprobs: true },
  };
}
