import { UserError } from "../errors.ts";
import type { LoraWeights } from "../tensor/ops/linear.ts";
import { Random } from "../random.ts";
import type { Parameters, ParameterSpec } from "./parameters.ts";
import { targetPattern } from "../formats/target_modules.ts";

/** PEFT's LoraConfig, with bias "none" (https://huggingface.co/docs/peft). */
export interface LoraConfig {
  /** Rank of the update. */
  r: number;
  /** The update is scaled by loraAlpha / r. */
  loraAlpha: number;
  /** Dropout on the update's input while training. */
  loraDropout: number;
  /**
   * Module names, matched whole or as a suffix after a dot: "q" is every …SelfAttention.q. Or a
   * regular expression that matches a module's whole name, as text.
   */
  targetModules: readonly string[] | string;
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
}

/**
 * Parameters of an adapter: `<module>.lora_A.weight` [r, in] and `<module>.lora_B.weight`
 * [out, r], PEFT's names less its prefix.
 *
 * @throws {UserError} when a target matches no module, or there is none, or the rank is impossible
 */
export function loraSpecs(modules: readonly LinearModule[], config: LoraConfig): ParameterSpec[] {
  if (!Number.isInteger(config.r) || config.r < 1) {
    throw new UserError(`the adapter's rank r is ${config.r}: it must be a whole number from 1`);
  }
  const isTarget = targetTest(modules, config.targetModules);
  const specs: ParameterSpec[] = [];
  for (const { name, inFeatures, outFeatures } of modules) {
    if (!isTarget(name)) continue;
    specs.push({ name: parameterName(name, "A"), shape: [config.r, inFeatures] });
    specs.push({ name: parameterName(name, "B"), shape: [outFeatures, config.r] });
  }
  return specs;
}

/** Makes a test for targets; every target names at least one module. */
function targetTest(
  modules: readonly LinearModule[],
  targets: LoraConfig["targetModules"],
): (name: string) => boolean {
  const names = modules.map(({ name }) => name);
  if (typeof targets === "string") {
    const pattern = targetPattern(targets);
    if (names.some((name) => pattern.test(name))) return (name) => pattern.test(name);
    throw new UserError(
      `target_modules: no linear layer matches the pattern ${JSON.stringify(targets)}; ` +
        `one is called ${names[0]}`,
    );
  }
  if (targets.length === 0) {
    throw new UserError('target_modules is empty: name the linear layers to adapt, as "q" and "v"');
  }
  const matches = (name: string, target: string) => name === target || name.endsWith(`.${target}`);
  for (const target of targets) {
    if (names.some((name) => matches(name, target))) continue;
    const known = [...new Set(names.map((name) => name.split(".").at(-1)!))].sort();
    throw new UserError(
      `target_modules: no linear layer is called "${target}"; this model has: ${known.join(", ")}`,
    );
  }
  return (name) => targets.some((target) => matches(name, target));
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
    const scale = config.loraAlpha / config.r;
    for (const name of parameters.names) {
      if (!name.endsWith(suffix)) continue;
      const module = name.slice(0, -suffix.length);
      const a = parameters.get(name);
      const b = parameters.get(parameterName(module, "B"));
      this.#weights.set(module, { a, b, scale, dropout: config.loraDropout });
    }
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
