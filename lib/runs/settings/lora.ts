import { z } from "../../packages/zod.ts";
import { UserError } from "../../errors.ts";
import type { NewLoraConfig } from "../../nn/lora.ts";

const positiveInt = z.int().positive();
const name = z.string().min(1);

/** New adapter, where none is given. The defaults are those of the original notebook. */
export const loraFields = {
  loraR: positiveInt.default(32)
    .describe("LoRA rank"),
  loraAlpha: z.number().positive().default(32)
    .describe("LoRA scale; the adapter's output is multiplied by alpha / r"),
  loraDropout: z.number().min(0).lt(1).default(0.05)
    .describe("Dropout probability of the adapter's input"),
  targetModules: z.union([z.array(name).min(1), name.transform((one) => [one])]).nullable()
    .default(null).meta({ metavar: "NAMES|PATTERN", aliases: ["loraTargetModules"] })
    .describe(
      "Layers to adapt: the last parts of their names, all-linear, or a regular expression for their whole names (default: PEFT's for the model, such as q,v of T5)",
    ),
  useRslora: z.boolean().default(false)
    .describe("Multiply the adapter's output by alpha / √r (rank-stabilized LoRA)"),
  rankPattern: z.record(name, positiveInt).nullable().default(null)
    .meta({ metavar: "NAME=R,…" })
    .describe("LoRA rank of single layers, by the ends of their names (default: one rank for all)"),
  alphaPattern: z.record(name, z.number().positive()).nullable().default(null)
    .meta({ metavar: "NAME=ALPHA,…" })
    .describe(
      "LoRA scale of single layers, by the ends of their names (default: one scale for all)",
    ),
};

/** Settings of a new adapter, by the names of {@linkcode loraFields}. */
export interface LoraSettings {
  readonly loraR: number;
  readonly loraAlpha: number;
  readonly loraDropout: number;
  readonly targetModules: readonly string[] | null;
  readonly useRslora: boolean;
  readonly rankPattern: Readonly<Record<string, number>> | null;
  readonly alphaPattern: Readonly<Record<string, number>> | null;
}

/** New adapter that the settings ask for. */
export function loraConfigOf(settings: LoraSettings): NewLoraConfig {
  const { loraR: r, loraAlpha, loraDropout, useRslora, rankPattern, alphaPattern } = settings;
  return {
    r,
    loraAlpha,
    loraDropout,
    targetModules: targetsOf(settings.targetModules),
    ...(useRslora ? { useRslora } : {}),
    ...(rankPattern ? { rankPattern } : {}),
    ...(alphaPattern ? { alphaPattern } : {}),
  };
}

/**
 * Tells names from a pattern, which PEFT does by their types: names have letters, digits, hyphens and
 * dots alone. A command line has divided a pattern at its commas.
 */
function targetsOf(targets: readonly string[] | null): NewLoraConfig["targetModules"] {
  const text = targets?.join(",") ?? "";
  const isPattern = /[^\w.,-]/.test(text) || text.toLowerCase() === "all-linear";
  return isPattern ? text : targets;
}

/** Checks the rules that join several settings of adapters. @throws {UserError} */
export function checkLoraSettings(
  settings: LoraSettings & { readonly peftFormat: "safetensors" | "bin" },
): void {
  if (settings.peftFormat !== "bin") return;
  const later = (["useRslora", "rankPattern", "alphaPattern"] as const)
    .find((setting) => settings[setting]);
  if (later === undefined) return;
  throw new UserError(
    `\`peftFormat\` bin is for PEFT before 0.4, which does not know \`${later}\`: choose safetensors`,
  );
}
