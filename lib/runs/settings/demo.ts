import { dirname, join } from "../../platform/paths.ts";
import { programFolder, readAsset } from "../../../assets.ts";
import settings from "../../../deno.json" with { type: "json" };
import { isThere, makeFolder } from "../../platform/files.ts";
import { cacheDirectory } from "../../platform/cache_directory.ts";
import { UserError } from "../../errors.ts";
import { without } from "../../settings/part.ts";
import { writeFileAtomic } from "../../platform/atomic_write.ts";

/** Default model. */
export const DEMO_MODEL = "demo/tiny-flan-t5";
/** Default chat model: it adds small numbers, and gives the right result one time in three. */
export const DEMO_CHAT_MODEL = "demo/tiny-chat";
/** Default classifier, for the reward and for toxicity. */
export const DEMO_CLASSIFIER = "demo/tiny-roberta-toxicity";
/** Default preferences. */
export const DEMO_PAIRS = "demo/pairs";
/** Default dataset. */
export const DEMO_DATASET = "demo/dialogues";
/** Default dataset of GRPO and RLOO: sums with their right results, for the default chat model. */
export const DEMO_ADDITIONS = "demo/additions";

/**
 * Settings of the demo run where they differ from the defaults: a model of 0.9 M parameters takes
 * a larger learning rate and more steps than the notebook's, and its summaries end within 64 tokens.
 * bench/RESULTS.md has the measurements behind them.
 */
export const DEMO_SETTINGS = {
  steps: 30,
  learningRate: 4e-4,
  miniBatchSize: 8,
  ppoEpochs: 2,
  initKlCoef: 0.15,
  maxGradNorm: 0.2,
  outputMinLength: 64,
  outputMaxLength: 65,
  evalMaxNewTokens: 64,
} as const;

/**
 * Settings of a demo run that starts from an adapter. The demo's learning rate suits a new adapter,
 * whose B is zero; a trained one, as `sft` leaves it, moves too far in a single step of that size
 * (the probability ratio was 29.7). The notebook's, which starts from one as well, suits it.
 */
export const DEMO_ADAPTER_SETTINGS = without(DEMO_SETTINGS, "learningRate");

/**
 * Settings of GRPO and RLOO on the chat model, which learns to add with care, where they differ from the
 * defaults. bench/RESULTS.md has the measurements behind them.
 */
export const DEMO_CHAT_GROUP_SETTINGS = {
  steps: 120,
  batchSize: 128,
  miniBatchSize: 128,
  numGenerations: 8,
  maxCompletionLength: 8,
  learningRate: 2e-3,
  targetModules: ["all-linear"],
  evalSamples: 100,
} as const;

/**
 * Settings of GRPO and RLOO on the model of the PPO demo, which they detoxify as well. A small model
 * takes a larger learning rate, and its summaries end within 64 tokens.
 */
export const DEMO_GROUP_SETTINGS = {
  dataset: DEMO_DATASET,
  reward: [DEMO_CLASSIFIER],
  steps: 30,
  batchSize: 32,
  miniBatchSize: 32,
  numGenerations: 8,
  maxCompletionLength: 64,
  learningRate: 2e-3,
  lrScheduler: "constant",
  beta: 0.04,
} as const;

const preferences = {
  steps: 30,
  evalPrompts: 32,
  evalMaxNewTokens: 64,
  evalReward: [DEMO_CLASSIFIER],
} as const;

/**
 * Settings of the demo's DPO where they differ from the defaults: a small model takes a larger
 * learning rate than TRL's. At 2e-3 the summaries fall apart, while the margin still grows.
 */
export const DEMO_DPO_SETTINGS = { ...preferences, learningRate: 5e-4 } as const;

/** Settings of the demo's ORPO where they differ from the defaults. */
export const DEMO_ORPO_SETTINGS = { ...preferences, learningRate: 2e-3 } as const;

/** Settings of the demo's KTO where they differ from the defaults: an answer says less than a pair. */
export const DEMO_KTO_SETTINGS = { ...preferences, batchSize: 16, learningRate: 1e-3 } as const;

/** Settings of the demo's reward model where they differ from the defaults. */
export const DEMO_REWARD_SETTINGS = { steps: 40, learningRate: 1e-3 } as const;

/** Settings of the demo's supervised fine-tuning where they differ from the defaults. */
export const DEMO_SFT_SETTINGS = { evalMaxNewTokens: 64 } as const;

/** Settings with the demo's below them, where the model is the demo's. */
export function withDemoSettings<T extends { model?: unknown }>(
  settings: T,
  demo: Readonly<Record<string, unknown>>,
): T {
  return (settings.model ?? DEMO_MODEL) === DEMO_MODEL ? { ...demo, ...settings } : settings;
}

/** Settings of GRPO or RLOO with those of the demo whose model is trained below them. */
export function withDemoGroupSettings(
  settings: Readonly<Record<string, unknown>>,
): Record<string, unknown> {
  const { model = DEMO_CHAT_MODEL } = settings;
  const demo = model === DEMO_CHAT_MODEL
    ? DEMO_CHAT_GROUP_SETTINGS
    : model === DEMO_MODEL
    ? DEMO_GROUP_SETTINGS
    : {};
  // A batch's number of passes, where it is given, replaces the demo's size of a batch.
  const isSized = typeof settings.stepsPerGeneration === "number";
  return { ...demo, ...(isSized && { batchSize: undefined }), ...settings };
}

/** Files of each folder of the demo: a server of files does not list its folders. */
const DEMO_FILES: Readonly<Record<string, readonly string[]>> = {
  [DEMO_MODEL]: [
    "config.json",
    "generation_config.json",
    "model.safetensors",
    "special_tokens_map.json",
    "tokenizer.json",
    "tokenizer_config.json",
  ],
  [DEMO_CHAT_MODEL]: [
    "config.json",
    "generation_config.json",
    "model.safetensors",
    "tokenizer.json",
    "tokenizer_config.json",
  ],
  [DEMO_CLASSIFIER]: [
    "config.json",
    "merges.txt",
    "model.safetensors",
    "special_tokens_map.json",
    "tokenizer_config.json",
    "vocab.json",
  ],
  [DEMO_ADDITIONS]: ["test.jsonl", "train.jsonl"],
  [DEMO_PAIRS]: ["test.jsonl", "train.jsonl"],
  [DEMO_DATASET]: ["test.csv", "train.csv", "validation.csv"],
};

/**
 * Finds a file or folder that the user named. Names that start with `demo/` mean what comes with
 * Temper, unless the working folder has something of that name. Where Temper itself comes from a
 * URL, the folder is fetched from there into the cache, once for each version.
 *
 * @returns a path
 * @throws {UserError} when the server does not have it
 */
export async function resolveAsset(path: string): Promise<string> {
  if (!path.startsWith("demo/") || isThere(path)) return path;
  const program = programFolder();
  if (program !== null) return join(program, path);
  const cache = join(cacheDirectory(), settings.version);
  const folder = Object.keys(DEMO_FILES).find((name) => `${path}/`.startsWith(`${name}/`));
  if (folder !== undefined) await Promise.all(DEMO_FILES[folder].map((file) => keep(file)));
  return join(cache, path);

  async function keep(file: string): Promise<void> {
    const copy = join(cache, folder!, file);
    if (isThere(copy)) return;
    let bytes: Uint8Array;
    try {
      bytes = await readAsset(`${folder}/${file}`);
    } catch (error) {
      throw new UserError(`cannot fetch the demo: ${(error as Error).message}`, { cause: error });
    }
    await makeFolder(dirname(copy));
    await writeFileAtomic(copy, bytes);
  }
}
