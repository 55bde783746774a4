/**
 * Builds the types of settings from their schemas, as explicit interfaces with documentation.
 *
 * deno task build:settings            write the files
 * deno task build:settings --check    fail when a committed file differs from its schema
 */
import type { z } from "zod";
import { dpoConfigSchema } from "../lib/preference/dpo_config.ts";
import { ktoConfigSchema } from "../lib/preference/kto_config.ts";
import { orpoConfigSchema } from "../lib/preference/orpo_config.ts";
import { rewardConfigSchema } from "../lib/preference/reward_config.ts";
import { grpoConfigSchema } from "../lib/rl/grpo_config.ts";
import { ppoConfigSchema } from "../lib/rl/ppo_config.ts";
import { rlooConfigSchema } from "../lib/rl/rloo_config.ts";
import { trainConfigSchema } from "../lib/runs/settings/config.ts";
import { grpoRunConfigSchema, rlooRunConfigSchema } from "../lib/runs/settings/group_config.ts";
import {
  dpoRunConfigSchema,
  ktoRunConfigSchema,
  orpoRunConfigSchema,
} from "../lib/runs/settings/preference_config.ts";
import { rewardRunConfigSchema } from "../lib/runs/settings/reward_config.ts";
import { sftRunConfigSchema } from "../lib/runs/settings/sft_config.ts";
import { formatNumber, type SettingInfo, settingInfo } from "../lib/settings/settings.ts";
import { sftConfigSchema } from "../lib/sft/sft_config.ts";
import { formatted, writeOrCheck } from "./generated_files.ts";

/** Columns of a line. */
const WIDTH = 100;

interface TypeFile {
  path: string;
  /** File of the schema, beside it. */
  from: string;
  name: string;
  doc: string;
  schema: z.ZodObject;
}

const FILES: readonly TypeFile[] = [
  {
    path: "lib/rl/ppo_config_type.ts",
    from: "ppo_config.ts",
    name: "PPOConfig",
    doc: "Settings of PPO, resolved: TRL's `PPOConfig` in camelCase, and what Temper adds.",
    schema: ppoConfigSchema,
  },
  {
    path: "lib/rl/grpo_config_type.ts",
    from: "grpo_config.ts",
    name: "GRPOConfig",
    doc: "Settings of GRPO, resolved: TRL's `GRPOConfig` in camelCase.",
    schema: grpoConfigSchema,
  },
  {
    path: "lib/rl/rloo_config_type.ts",
    from: "rloo_config.ts",
    name: "RLOOConfig",
    doc: "Settings of RLOO, resolved: TRL's `RLOOConfig` in camelCase.",
    schema: rlooConfigSchema,
  },
  {
    path: "lib/preference/dpo_config_type.ts",
    from: "dpo_config.ts",
    name: "DPOConfig",
    doc: "Settings of DPO, resolved: TRL's `DPOConfig` in camelCase.",
    schema: dpoConfigSchema,
  },
  {
    path: "lib/preference/kto_config_type.ts",
    from: "kto_config.ts",
    name: "KTOConfig",
    doc: "Settings of KTO, resolved: TRL's `KTOConfig` in camelCase.",
    schema: ktoConfigSchema,
  },
  {
    path: "lib/preference/orpo_config_type.ts",
    from: "orpo_config.ts",
    name: "ORPOConfig",
    doc: "Settings of ORPO, resolved: TRL's `ORPOConfig` in camelCase.",
    schema: orpoConfigSchema,
  },
  {
    path: "lib/preference/reward_config_type.ts",
    from: "reward_config.ts",
    name: "RewardConfig",
    doc: "Settings of a reward model's training, resolved: TRL's `RewardConfig` in camelCase.",
    schema: rewardConfigSchema,
  },
  {
    path: "lib/sft/sft_config_type.ts",
    from: "sft_config.ts",
    name: "SFTConfig",
    doc: "Settings of supervised fine-tuning, resolved.",
    schema: sftConfigSchema,
  },
  {
    path: "lib/runs/settings/train_config_type.ts",
    from: "config.ts",
    name: "TrainConfig",
    doc:
      "Settings of a PPO run, resolved. Where TRL and the original notebook differ, the defaults " +
      "are the notebook's.",
    schema: trainConfigSchema,
  },
  {
    path: "lib/runs/settings/reward_run_config_type.ts",
    from: "reward_config.ts",
    name: "RewardRunConfig",
    doc: "Settings of a run that trains a reward model, resolved.",
    schema: rewardRunConfigSchema,
  },
  {
    path: "lib/runs/settings/sft_run_config_type.ts",
    from: "sft_config.ts",
    name: "SftRunConfig",
    doc: "Settings of a run of supervised fine-tuning, resolved.",
    schema: sftRunConfigSchema,
  },
  {
    path: "lib/runs/settings/grpo_run_config_type.ts",
    from: "group_config.ts",
    name: "GrpoRunConfig",
    doc: "Settings of a GRPO run, resolved.",
    schema: grpoRunConfigSchema,
  },
  {
    path: "lib/runs/settings/rloo_run_config_type.ts",
    from: "group_config.ts",
    name: "RlooRunConfig",
    doc: "Settings of an RLOO run, resolved.",
    schema: rlooRunConfigSchema,
  },
  {
    path: "lib/runs/settings/dpo_run_config_type.ts",
    from: "preference_config.ts",
    name: "DpoRunConfig",
    doc: "Settings of a DPO run, resolved.",
    schema: dpoRunConfigSchema,
  },
  {
    path: "lib/runs/settings/orpo_run_config_type.ts",
    from: "preference_config.ts",
    name: "OrpoRunConfig",
    doc: "Settings of an ORPO run, resolved.",
    schema: orpoRunConfigSchema,
  },
  {
    path: "lib/runs/settings/kto_run_config_type.ts",
    from: "preference_config.ts",
    name: "KtoRunConfig",
    doc: "Settings of a KTO run, resolved.",
    schema: ktoRunConfigSchema,
  },
];

/** An interface with a property for each field of the schema. */
function typeFile({ from, name, doc, schema }: TypeFile): string {
  const properties = Object.entries(schema.shape).map(([setting, field]) => {
    const info = settingInfo(field as z.ZodType);
    return `${jsDoc(describe(info), "  ")}  ${setting}: ${typeOf(info)};\n`;
  });
  return `// Made by \`deno task build:settings\` from the schema in ${from}.\n\n` +
    `${jsDoc(doc, "")}export interface ${name} {\n${properties.join("")}}\n`;
}

/** A setting's description as it is for the API, with the default. */
function describe({ description = "", default: value, nullable }: SettingInfo): string {
  const text = nullable ? description.replaceAll(/\bnone\b/g, "null") : description;
  if (value === undefined || description.includes("(default: ")) return `${text}.`;
  const shown = typeof value === "number" ? formatNumber(value) : JSON.stringify(value);
  return `${text}. Default: \`${shown}\`.`;
}

function typeOf(info: SettingInfo): string {
  const type = info.enum
    ? info.enum.map((value) => JSON.stringify(value)).join(" | ")
    : info.type === "array"
    ? `${typeOf({ nullable: false, ...info.items })}[]`
    : info.type === "object"
    ? `Record<string, ${typeOf({ nullable: false, ...info.additionalProperties })}>`
    : info.type === "integer"
    ? "number"
    : info.type!;
  return info.nullable ? `${type} | null` : type;
}

function jsDoc(text: string, indent: string): string {
  if (indent.length + text.length + 7 <= WIDTH) return `${indent}/** ${text} */\n`;
  const lines = [""];
  for (const word of text.split(" ")) {
    const line = `${lines.at(-1)} ${word}`;
    if (line !== ` ${word}` && indent.length + 2 + line.length > WIDTH) lines.push(` ${word}`);
    else lines[lines.length - 1] = line;
  }
  return `${indent}/**\n${lines.map((line) => `${indent} *${line}\n`).join("")}${indent} */\n`;
}

await writeOrCheck(
  Object.fromEntries(
    await Promise.all(
      FILES.map(async (file) => [file.path, await formatted(typeFile(file), "ts")]),
    ),
  ),
  "build:settings",
);
