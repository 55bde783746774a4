import { Tokenizer } from "../../../data/tokenizer.ts";
import type { LoraConfig } from "../../../formats/lora_config.ts";
import { createPolicy } from "../../../models/policy.ts";
import { loadLanguageModel } from "../../../models/registry.ts";
import { locate } from "../../loading/locate.ts";
import { samplingOf, type TrainConfig } from "../../settings/config.ts";
import type { Generator } from "../fleet/generator.ts";
import type { GeneratorContext } from "../run_task.ts";

/**
 * Loads a policy that responds as PPO's trainer does, with its log-probabilities and values.
 *
 * @throws {UserError} when the model is missing or broken
 */
export async function openPPOGenerator(
  { device, config, hooks }: GeneratorContext<TrainConfig>,
  lora: LoraConfig,
): Promise<Generator> {
  const folder = await locate("model", config.model, hooks);
  const tokenizer = await Tokenizer.load(folder);
  const model = await loadLanguageModel(device, folder, config);
  const { adapter, valueHead, parameters } = createPolicy(model, lora, config.seed);
  const options = { adapter, valueHead, logprobs: true };
  return { model, parameters, tokenizer, sampling: samplingOf(config), options };
}
