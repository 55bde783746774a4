import { merge, object } from "@optique/core/constructs";
import { message } from "@optique/core/message";
import { optional } from "@optique/core/modifiers";
import { command, constant, option } from "@optique/core/primitives";
import type { InferValue } from "@optique/core/parser";
import { path } from "@optique/run/valueparser";
import * as config from "../runs/settings/config.ts";
import * as sftConfig from "../runs/settings/sft_config.ts";
import { examples, given, jsonOption, paragraphs, usageLine } from "./options.ts";
import { optionsFromSchema } from "./options_from_schema.ts";
import { checkTurbo } from "./turbo.ts";

/** `temper sft` */
export const sftCommand = command(
  "sft",
  merge(
    object({
      command: constant("sft"),
      config: optional(option("--config", path({ metavar: "FILE", type: "file" }), {
        description:
          message`YAML or JSON file with any of these settings; options on the command line win`,
      })),
      json: jsonOption(),
    }),
    optionsFromSchema("Run", sftConfig.sftRunFields),
    optionsFromSchema("Model", config.modelFields),
    optionsFromSchema("Fresh adapter", config.loraFields),
    optionsFromSchema("Data", config.dataFields),
    optionsFromSchema("Training", sftConfig.sftFields),
    optionsFromSchema("Evaluation", sftConfig.sftEvaluationFields),
    optionsFromSchema("Device", config.deviceFields),
  ),
  {
    brief: message`Fine-tune a model on a dataset's summaries.`,
    description: paragraphs(
      "Teaches a LoRA adapter, or all weights with --full, the summaries of the train split, and " +
        "measures on the test split, before and after, the loss and ROUGE-1, 2, L and Lsum " +
        "(F-measures, words not stemmed) of greedy summaries. What it leaves is where train starts.",
      "A run leaves in its output folder: config.json (every setting), metrics.jsonl (a row a " +
        "step), adapter/ (in PEFT's format) or model/ (a plain Hugging Face folder), " +
        "summaries.jsonl (before and after) and summary.json.",
    ),
    footer: examples(
      [
        "An adapter as the original notebook's",
        "temper sft --model ./flan-t5-base " +
        "--dataset ./dialogsum --output sft",
      ],
      ["Then", "temper train --model ./flan-t5-base --dataset ./dialogsum --adapter sft/adapter"],
      ["All weights", "temper sft --full --model ./flan-t5-small --dataset ./dialogsum"],
      [
        "The demo's model learns to say what a dialogue is about",
        "temper sft " +
        "--summary-column topic",
      ],
    ),
    usageLine: usageLine(),
  },
);

/** Trains, and prints what changed. */
export async function runSft(options: InferValue<typeof sftCommand>): Promise<void> {
  const { command: _, config: file, json, ...flags } = options;
  const { readConfigFile } = await import("../runs/settings/config_file.ts");
  const fromFile = file === undefined
    ? {}
    : await readConfigFile(file, sftConfig.sftRunConfigSchema);
  const resolved = sftConfig.resolveSftConfig({ ...fromFile, ...given(flags) });
  checkTurbo(resolved);
  const { sft } = await import("../runs/loop/sft.ts");
  const { sftScreen } = await import("./sft_screen.ts");
  const screen = sftScreen(resolved, { json });
  try {
    screen.finish(await sft(resolved, screen));
  } finally {
    screen.stop();
  }
}
