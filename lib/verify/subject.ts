import { Tokenizer } from "../data/tokenizer.ts";
import type { Device } from "../device/device.ts";
import type { LanguageModel } from "../models/language_model.ts";
import { createPolicy, type Policy } from "../models/policy.ts";
import { loadLanguageModel } from "../models/registry.ts";
import { PPOTrainer } from "../rl/ppo_trainer.ts";
import { Random } from "../random.ts";

/** Texts to respond to, of different lengths. */
const TEXTS: readonly string[] = [
  "What is the capital of France?",
  "Summarize: Ann asked Ben whether he had seen the film. He had not, and they agreed to go on Friday.",
  "1 + 1 =",
  "Write one sentence about the sea, and one about the mountains behind it.",
];
/** Maximum numbers of tokens: the checks are to take a minute with a large model. */
const MAX_PROMPT = 48;
const MAX_NEW_TOKENS = 16;

/** Responses to each prompt. */
export const REPEATS = 2;

/** A model with an adapter that is not idle, and prompts for it. */
export interface Subject {
  readonly policy: Policy;
  /** Tokens of each prompt. */
  readonly prompts: readonly (readonly number[])[];
  /** Maximum number of tokens of a response. */
  readonly newTokens: number;
}

/**
 * Loads a model for the checks.
 *
 * @param folder path of the model
 * @throws {UserError} when a file is missing or broken
 */
export async function loadSubject(
  device: Device,
  folder: string,
  dtype: "f32" | "bf16",
): Promise<Subject> {
  const tokenizer = await Tokenizer.load(folder);
  const model = await loadLanguageModel(device, folder, { dtype });
  const { prompt, newTokens } = lengthsWithin(model);
  const prompts = TEXTS.map((text) => tokenizer.encode(text).slice(0, prompt));
  return { policy: randomPolicy({ model }), prompts, newTokens };
}

/** Maximum lengths of a prompt and its response for which a model has positions. */
function lengthsWithin(
  { maxPositions, taskType }: Pick<LanguageModel, "maxPositions" | "taskType">,
): { prompt: number; newTokens: number } {
  const positions = maxPositions ?? Infinity;
  const newTokens = Math.max(1, Math.min(MAX_NEW_TOKENS, Math.floor(positions / 2)));
  // The last token of a response is never read.
  const room = taskType === "CAUSAL_LM" ? positions - newTokens + 1 : positions;
  return { prompt: Math.min(MAX_PROMPT, room), newTokens };
}

/** A policy on the same model with the same random adapter and value head, untrained. */
export function randomPolicy({ model }: Pick<Policy, "model">): Policy {
  const lora = { r: 4, loraAlpha: 8, loraDropout: 0 };
  const policy = createPolicy(model, lora, 1);
  // A new adapter's B is zero: it would add nothing, and prove nothing.
  const random = new Random(1);
  for (const name of policy.parameters.names) {
    const { length } = policy.parameters.get(name);
    const values = Float32Array.from({ length }, () => (random.uniform() - 0.5) / 10);
    policy.parameters.write(name, values);
  }
  return policy;
}

/** A trainer whose step is one update on all rows. */
export function ppoTrainer(policy: Policy, rows: number, learningRate = 1e-3): PPOTrainer {
  const sizes = { batchSize: rows, miniBatchSize: rows, ppoEpochs: 1 };
  return new PPOTrainer(policy, { ...sizes, learningRate, ratioThreshold: null });
}

/** Prompt of each response. */
export function promptOfEach({ prompts }: Subject): number[][] {
  return prompts.flatMap((prompt) => Array.from({ length: REPEATS }, () => [...prompt]));
}
