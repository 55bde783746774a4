import { z } from "../../packages/zod.ts";
import { UserError } from "../../errors.ts";
import type { JsonObject } from "../../formats/hf_config.ts";
import {
  type Llama3Scaling,
  rotaryFrequencies,
  scaleAsLlama3,
  scaleLinearly,
} from "../../nn/rotary_table.ts";
import { parseKeys } from "../config_schema.ts";

/** Rotary position embedding (Su et al. 2021) of some layers. */
export interface RopeConfig {
  /** Base of the frequencies. */
  readonly theta: number;
  /** Change of the frequencies, for texts longer than the model was first trained on. */
  readonly scaling: RopeScaling | null;
}

/** Scaling of frequencies, with transformers' names. */
export type RopeScaling =
  /** Position interpolation (Chen et al. 2023). */
  | { readonly kind: "linear"; readonly factor: number }
  /** Low frequencies interpolated and high ones kept, as in Llama 3.1. */
  | ({ readonly kind: "llama3" } & Llama3Scaling);

const factor = z.number().positive();

/** Entries of `rope_scaling`, or of transformers 5's `rope_parameters`, that are read. */
const schema = z.object({
  rope_type: z.enum(["default", "linear", "llama3"]),
  rope_theta: factor.nullish(),
  factor: factor.nullish(),
  low_freq_factor: factor.nullish(),
  high_freq_factor: factor.nullish(),
  original_max_position_embeddings: factor.nullish(),
  partial_rotary_factor: z.literal(1).nullish(),
});

/**
 * Reads the settings of rotary position embeddings: `rope_theta` and `rope_scaling` of transformers 4,
 * or `rope_parameters` of 5.
 *
 * @param config the whole config.json
 * @param path path of the file, for messages
 * @param key name of the setting that `settings` is from, for messages
 * @param settings value of `rope_scaling` or `rope_parameters`, which may be absent
 * @param theta base, where `settings` has none
 * @throws {UserError} naming a setting that is not implemented
 */
export function parseRope(
  path: string,
  key: "rope_scaling" | "rope_parameters",
  settings: JsonObject | null | undefined,
  theta: number,
): RopeConfig {
  if (!settings) return { theta, scaling: null };
  // transformers before 4.43 said "type".
  const { type, ...named } = settings;
  const given: JsonObject = { ...named, rope_type: named.rope_type ?? type ?? "default" };
  const parsed = parseKeys(
    z.object({ [key]: schema }),
    { [key]: given },
    path,
    "Temper implements default, linear and llama3",
  )[key];
  const unknown = Object.keys(given).find((name) => !(name in schema.shape));
  if (unknown !== undefined && given[unknown] !== null) {
    throw new UserError(
      `${path}: "${key}" has "${unknown}", a setting that Temper does not know for ` +
        `"${parsed.rope_type}": remove it if it changes no results`,
    );
  }
  return { theta: parsed.rope_theta ?? theta, scaling: scalingOf(path, key, parsed) };
}

function scalingOf(path: string, key: string, parsed: z.output<typeof schema>): RopeScaling | null {
  const need = (name: keyof z.output<typeof schema>): number => {
    const value = parsed[name];
    if (typeof value === "number") return value;
    throw new UserError(`${path}: "${key}" has no "${name}", which "${parsed.rope_type}" needs`);
  };
  switch (parsed.rope_type) {
    case "default":
      return null;
    case "linear":
      return { kind: "linear", factor: need("factor") };
    case "llama3":
      return {
        kind: "llama3",
        factor: need("factor"),
        lowFreqFactor: need("low_freq_factor"),
        highFreqFactor: need("high_freq_factor"),
        originalMaxPositionEmbeddings: need("original_max_position_embeddings"),
      };
  }
}

/** Inverse frequencies of a layer's heads, [headSize / 2]. */
export function frequenciesOf({ theta, scaling }: RopeConfig, headSize: number): Float32Array {
  const frequencies = rotaryFrequencies(theta, headSize);
  switch (scaling?.kind) {
    case undefined:
      return frequencies;
    case "linear":
      return scaleLinearly(frequencies, scaling.factor);
    case "llama3":
      return scaleAsLlama3(frequencies, scaling);
  }
}
