import type { LoraConfig } from "../../lib/formats/lora_config.ts";
import type { LanguageModel } from "../../lib/models/language_model.ts";
import { LoraAdapter, loraSpecs } from "../../lib/nn/lora.ts";
import { Parameters } from "../../lib/nn/parameters.ts";
import { Random } from "../../lib/random.ts";
import { randomValues } from "../reference/check.ts";
import type { TinyWeights } from "./tiny_weights.ts";

/** An adapter of random values on the modules named. */
export function randomAdapter(
  model: LanguageModel,
  targetModules: string[],
  patterns: Pick<LoraConfig, "useRslora" | "rankPattern" | "alphaPattern"> = {},
): LoraAdapter {
  const config = { r: 3, loraAlpha: 5, loraDropout: 0, targetModules, ...patterns };
  const specs = loraSpecs(model.linearModules, config);
  const parameters = Parameters.create(model.device, specs, { trainable: true });
  const random = new Random(12);
  for (const { name } of specs) {
    const { length } = parameters.get(name);
    parameters.write(name, Float32Array.from(randomValues(random, length, 0.5)));
  }
  return new LoraAdapter(config, parameters);
}

/**
 * The weights with an adapter's update W + scale · B A in place.
 *
 * @param fanInFanOut true where W is stored as [in, out]
 */
export async function merge(
  weights: TinyWeights,
  { parameters, config }: LoraAdapter,
  scaleOf: (module: string, r: number) => number = () => config.loraAlpha / config.r,
  fanInFanOut = false,
): Promise<Map<string, Float64Array>> {
  const merged = new Map(weights.values);
  const values = await parameters.readAll();
  for (const [name, { shape: [r, columns], data: a }] of values) {
    if (!name.endsWith(".lora_A.weight")) continue;
    const module = name.slice(0, -".lora_A.weight".length);
    const b = values.get(`${module}.lora_B.weight`)!.data;
    const w = weights.values.get(`${module}.weight`)!;
    const rows = w.length / columns;
    const update = (i: number) => {
      let sum = 0;
      const [row, column] = fanInFanOut
        ? [i % rows, Math.floor(i / rows)]
        : [Math.floor(i / columns), i % columns];
      for (let q = 0; q < r; q++) sum += b[row * r + q] * a[q * columns + column];
      return sum * scaleOf(module, r);
    };
    merged.set(`${module}.weight`, w.map((value, i) => value + update(i)));
  }
  return merged;
}
