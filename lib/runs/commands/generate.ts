import { generateInBatches, textGenerator } from "../../evaluation/text_generator.ts";
import type { DownloadHooks } from "../../hub/download.ts";
import { samplingOf, type TrainConfig } from "../settings/config.ts";
import { openRunDevice } from "../loading/device.ts";
import { loadRunPolicy } from "../loading/policy.ts";

/**
 * Loads a policy and lets it respond to texts.
 *
 * @param texts each is put into the prompt's template
 * @param options.doSample draw tokens at random; else the likeliest each time
 * @returns one response per text
 * @throws {UserError} when the policy does not load
 */
export async function generateTexts(
  config: TrainConfig,
  texts: readonly string[],
  options: { maxNewTokens: number; doSample: boolean },
  hooks: DownloadHooks = {},
): Promise<string[]> {
  const device = await openRunDevice(config);
  try {
    const { model, tokenizer, adapter } = await loadRunPolicy(device, config, hooks);
    // A fresh adapter changes nothing, but costs time.
    const used = config.adapter === null ? null : adapter;
    const generate = textGenerator(model, tokenizer, { ...samplingOf(config), ...options }, used);
    const prompts = texts.map((text) => {
      const query = config.prompt.replaceAll("{dialogue}", () => text);
      return { query, inputIds: tokenizer.encode(query) };
    });
    return await generateInBatches(generate, prompts);
  } finally {
    device.close();
  }
}
