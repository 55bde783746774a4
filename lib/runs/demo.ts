import { existsSync } from "node:fs";
import { fileURLToPath } from "node:url";

/** The policy that is trained when no model is given. */
export const DEMO_MODEL = "demo/tiny-flan-t5";
/** The classifier that rewards it and measures toxicity. */
export const DEMO_CLASSIFIER = "demo/tiny-roberta-toxicity";
/** The dialogues it is trained on. */
export const DEMO_DATASET = "demo/dialogues";

/**
 * Settings of the demo run where they differ from the defaults: a model of 0.9 M parameters takes
 * a larger learning rate and more steps than the notebook's, and its summaries end within 64 tokens.
 */
export const DEMO_OVERRIDES = {
  steps: 24,
  learningRate: 5e-4,
  miniBatchSize: 16,
  ppoEpochs: 4,
  maxGradNorm: 0.5,
  outputMinLength: 64,
  outputMaxLength: 65,
  evalMaxNewTokens: 64,
} as const;

/**
 * Finds a file or folder that the user named. Names that start with `demo/` mean what comes with
 * Temper, unless the working folder has something of that name.
 */
export function resolveAsset(path: string): string {
  if (!path.startsWith("demo/") || existsSync(path)) return path;
  const bundled = new URL(`../../${path}`, import.meta.url);
  return bundled.protocol === "file:" ? fileURLToPath(bundled) : path;
}
