import { UserError } from "../errors.ts";
import type { LoraConfig } from "../formats/lora_config.ts";
import { unadaptable } from "../formats/peft_keys.ts";
import {
  endPattern,
  endsWith,
  isAllLinear,
  loraNumbers,
  targetTest,
} from "../formats/target_modules.ts";
import { Random } from "../random.ts";
import type { LoraWeights } from "../tensor/ops/linear.ts";
import type { Parameters, ParameterSpec } from "./parameters.ts";

/** Settings of a new adapter. */
export interface NewLoraConfig extends Omit<LoraConfig, "targetModules"> {
  /** Linear layers to adapt, as in {@linkcode LoraConfig}; by default those of the model's family. */
  targetModules?: LoraConfig["targetModules"] | null;
}

/** A linear layer of a model, by its name in the checkpoint. */
export interface LinearModule {
  /** Name without `.weight`, as `encoder.block.0.layer.0.SelfAttention.q`. */
  name: string;
  /** Width of its input. */
  inFeatures: number;
  /** Width of its output. */
  outFeatures: number;
  /** Tokens that it works on: those of the prompt, those of the response, or both. */
  tokens: "prompt" | "response" | "both";
  /** True where the checkpoint has its weight as [in, out], as GPT-2's Conv1D; default false. */
  fanInFanOut?: boolean;
}

/** Linear layers of a model, and those that a new adapter updates by default. */
export interface AdaptableModel {
  readonly linearModules: readonly LinearModule[];
  /** Ends of their names. */
  readonly defaultTargets: readonly string[];
}

/**
 * Checks the settings of a new adapter for a model and resolves them: default targets by name, and
 * "all-linear" as the names of all linear layers, as PEFT saves it.
 *
 * @throws {UserError} when a target or a pattern matches no layer, or a number is impossible
 */
export function resolveLora(
  { linearModules, defaultTargets }: AdaptableModel,
  config: NewLoraConfig,
): LoraConfig {
  if (!Number.isInteger(config.r) || config.r < 1) {
    throw new UserError(`the adapter's rank r is ${config.r}: it must be a whole number from 1`);
  }
  const names = linearModules.map(({ name }) => name);
  let targetModules = config.targetModules ?? defaultTargets;
  if (isAllLinear(targetModules)) targetModules = lastParts(names);
  const resolved: LoraConfig = { ...config, targetModules };
  checkTargets(names, targetModules);
  const isTarget = targetTest(resolved);
  const adapted = names.filter(isTarget);
  if (adapted.length === 0) {
    throw new UserError(
      "exclude_modules and layers_to_transform leave no linear layer of target_modules to adapt",
    );
  }
  checkPatterns(adapted, resolved.rankPattern, "rank_pattern");
  checkPatterns(adapted, resolved.alphaPattern, "alpha_pattern");
  for (const [key, r] of Object.entries(resolved.rankPattern ?? {})) {
    if (Number.isInteger(r) && r >= 1) continue;
    throw new UserError(`rank_pattern: "${key}" is ${r}: it must be a whole number from 1`);
  }
  return resolved;
}

/**
 * Linear layers that an adapter updates, in the model's order. Targets and patterns that match none
 * change nothing, as in PEFT: an adapter's file may have them.
 *
 * @throws {UserError} when a pattern cannot be read
 */
export function adaptedModules(
  modules: readonly LinearModule[],
  config: LoraConfig,
): LinearModule[] {
  const isTarget = targetTest(config);
  return modules.filter(({ name }) => isTarget(name));
}

/**
 * Parameters of an adapter: `<module>.lora_A.weight` [r, in] and `<module>.lora_B.weight`
 * [out, r], PEFT's names less its prefix.
 */
export function loraSpecs(modules: readonly LinearModule[], config: LoraConfig): ParameterSpec[] {
  const numbers = loraNumbers(config);
  return adaptedModules(modules, config).flatMap(({ name, inFeatures, outFeatures }) => {
    const { r } = numbers(name);
    return [
      { name: parameterName(name, "A"), shape: [r, inFeatures] },
      { name: parameterName(name, "B"), shape: [outFeatures, r] },
    ];
  });
}

/** Checks that each target names a layer. */
function checkTargets(names: readonly string[], targets: LoraConfig["targetModules"]): void {
  if (typeof targets === "string") {
    if (names.some(targetTest({ ...ANY, targetModules: targets }))) return;
    throw new UserError(
      `target_modules: no linear layer matches the pattern ${JSON.stringify(targets)}; ` +
        `one is called ${names[0]}`,
    );
  }
  if (targets.length === 0) {
    throw new UserError(
      `target_modules is empty: name the linear layers to adapt, as "${lastParts(names)[0]}"`,
    );
  }
  const missing = targets.find((target) => !names.some((name) => endsWith(name, target)));
  if (missing === undefined) return;
  const subject = unadaptable(missing);
  throw new UserError(
    subject === null
      ? `target_modules: no linear layer is called "${missing}"; this model has: ${
        lastParts(names).join(", ")
      }`
      : `target_modules has ${subject}, which Temper does not adapt; this model's linear layers: ${
        lastParts(names).join(", ")
      }`,
  );
}

/** Numbers of no meaning beside targets. */
const ANY = { r: 1, loraAlpha: 1, loraDropout: 0 };

/** Checks that each pattern matches a layer that is adapted. */
function checkPatterns(
  adapted: readonly string[],
  values: LoraConfig["rankPattern"] = {},
  setting: string,
): void {
  for (const key of Object.keys(values)) {
    const pattern = endPattern(key, setting);
    if (adapted.some((name) => pattern.test(name))) continue;
    throw new UserError(
      `${setting}: "${key}" matches no layer that is adapted; these are: ${
        lastParts(adapted).join(", ")
      }`,
    );
  }
}

/** Last parts of layers' names, each once. */
function lastParts(names: readonly string[]): string[] {
  return [...new Set(names.map((name) => name.split(".").at(-1)!))].sort();
}

/**
 * Initialises an adapter as PEFT does: A uniform in ±1/√in (Kaiming with a = √5), B zero, so that it
 * changes nothing at first.
 */
export function initLora(parameters: Parameters, seed: number): void {
  const random = new Random(seed);
  for (const name of parameters.names) {
    if (!name.endsWith(".lora_A.weight")) continue;
    const { length, width } = parameters.get(name);
    const bound = 1 / Math.sqrt(width);
    parameters.write(name, Float32Array.from({ length }, () => (2 * random.uniform() - 1) * bound));
  }
}

/** An adapter: updates of some of a model's linear layers. Several can share one base model. */
export class LoraAdapter {
  readonly #weights = new Map<string, LoraWeights>();

  /** An adapter of parameters that hold at least those that {@linkcode loraSpecs} names. */
  constructor(readonly config: LoraConfig, readonly parameters: Parameters) {
    const suffix = ".lora_A.weight";
    const numbers = loraNumbers(config);
    for (const name of parameters.names) {
      if (!name.endsWith(suffix)) continue;
      const module = name.slice(0, -suffix.length);
      const a = parameters.get(name);
      const b = parameters.get(parameterName(module, "B"));
      const { scale } = numbers(module);
      this.#weights.set(module, { a, b, scale, dropout: config.loraDropout });
    }
  }

  /** Largest rank of an update. */
  get maxRank(): number {
    return Math.max(0, ...this.#weights.values().map(({ a }) => a.rows));
  }

  /** True while it is known to change nothing, as a new adapter: all lora_B are still zero. */
  get changesNothing(): boolean {
    const { parameters } = this;
    return [...this.#weights.keys()].every((module) =>
      parameters.isUntouched(parameterName(module, "B"))
    );
  }

  /** Update of a linear layer; null when there is none. */
  weights(module: string): LoraWeights | null {
    return this.#weights.get(module) ?? null;
  }
}

function parameterName(module: string, which: "A" | "B"): string {
  return `${module}.lora_${which}.weight`;
}
