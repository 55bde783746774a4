import type { Tokenizer } from "../../../data/tokenizer.ts";
import { generate, type Generated, type GenerationOptions } from "../../../generation/generate.ts";
import type { GenerationConfig } from "../../../generation/generation_config.ts";
import type { LanguageModel } from "../../../models/language_model.ts";
import type { Parameters } from "../../../nn/parameters.ts";
import type { FleetPrompt } from "./rollout_fleet.ts";

/** A policy that responds as the trainer of a run does, with the parameters that it is given. */
export interface Generator {
  readonly model: LanguageModel;
  /** Parameters that the trainer trains: adapter, and value head where there is one. */
  readonly parameters: Parameters;
  readonly tokenizer: Tokenizer;
  /** Settings of sampling. */
  readonly sampling: Omit<GenerationConfig, "maxNewTokens" | "firstRollout">;
  /** Adapter, and numbers to report. */
  readonly options: Pick<
    GenerationOptions,
    "adapter" | "valueHead" | "logprobs" | "scaledLogprobs"
  >;
}

/**
 * Responds to prompts. A response is the same, bit for bit, whatever prompts come with it.
 *
 * @returns responses, those to a prompt adjacent
 * @throws {NotFiniteError} when the model's logits are not finite
 */
export async function respond(
  { model, tokenizer, sampling, options }: Generator,
  prompts: readonly FleetPrompt[],
): Promise<Generated[]> {
  const rows = prompts.flatMap((prompt) =>
    Array.from({ length: prompt.responses }, (_, i) => ({
      prompt,
      rollout: prompt.firstRollout + i,
    }))
  );
  const config = {
    ...sampling,
    numReturnSequences: 1,
    maxNewTokens: rows.map(({ prompt }) => prompt.maxNewTokens),
    firstRollout: rows.map(({ rollout }) => rollout),
  };
  const queries = rows.map(({ prompt }) => prompt.tokens);
  return await generate(model, queries, config, { ...options, tokenizer });
}
