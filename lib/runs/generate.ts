import type { Example } from "../data/dataset.ts";
import { openDevice } from "../device/open.ts";
import type { TextGenerator } from "../evaluation/text_generator.ts";
import { generateInBatches } from "../evaluation/text_generator.ts";
import { generate, type GenerationConfig } from "../generation/generate.ts";
import type { LoraAdapter } from "../nn/lora.ts";
import type { TrainConfig } from "./config.ts";
import { type LoadedPolicy, loadPolicy } from "./policy.ts";

/** The settings of sampling. */
export type SamplingSettings = Pick<
  TrainConfig,
  "minLength" | "topK" | "topP" | "temperature" | "seed"
>;

/** A run's settings as those of generation. */
export function samplingConfig(
  settings: SamplingSettings,
  rest: Pick<GenerationConfig, "maxNewTokens" | "firstRollout"> & { doSample?: boolean },
): GenerationConfig {
  const { minLength, topK, topP, temperature, seed } = settings;
  return { minLength, topK, topP, temperature, seed, doSample: true, ...rest };
}

/**
 * A policy as a function that responds to a dataset's examples: query `i` is example `i`.
 *
 * @param adapter the one to use; null for the model without any
 */
export function exampleGenerator(
  { model, tokenizer }: Pick<LoadedPolicy, "model" | "tokenizer">,
  adapter: LoraAdapter | null,
  examples: readonly Example[],
  settings: SamplingSettings & Pick<TrainConfig, "evalMaxNewTokens">,
): TextGenerator {
  return async (queries, firstRollout) => {
    const batch = examples.slice(firstRollout, firstRollout + queries.length);
    const config = samplingConfig(settings, {
      maxNewTokens: settings.evalMaxNewTokens,
      firstRollout,
    });
    const inputs = batch.map((example) => example.inputIds);
    const generated = await generate(model, inputs, config, { adapter, valueHead: null });
    return generated.map(({ tokens }) => tokenizer.decode(tokens, { skipSpecialTokens: true }));
  };
}

/**
 * Lets a policy respond to texts.
 *
 * @param texts each is put into the prompt's template
 * @returns one response per text
 * @throws {UserError} when the policy does not load
 */
export async function generateTexts(
  config: TrainConfig,
  texts: readonly string[],
  options: { maxNewTokens: number; sample: boolean },
): Promise<string[]> {
  const device = await openDevice(config);
  try {
    const { model, tokenizer, adapter } = await loadPolicy(device, config);
    const respond: TextGenerator = async (prompts, firstRollout) => {
      const inputs = prompts.map((prompt) => tokenizer.encode(prompt));
      const generated = await generate(
        model,
        inputs,
        samplingConfig(config, {
          maxNewTokens: options.maxNewTokens,
          firstRollout,
          doSample: options.sample,
        }),
        { adapter: config.adapter === null ? null : adapter, valueHead: null },
      );
      return generated.map(({ tokens }) => tokenizer.decode(tokens, { skipSpecialTokens: true }));
    };
    const prompts = texts.map((text) => config.prompt.replaceAll("{dialogue}", () => text));
    return await generateInBatches(respond, prompts);
  } finally {
    device.close();
  }
}
