import { merge, object } from "@optique/core/constructs";
import { message } from "@optique/core/message";
import { optional } from "@optique/core/modifiers";
import { command, constant, option } from "@optique/core/primitives";
import type { InferValue } from "@optique/core/parser";
import { path } from "@optique/run/valueparser";
import * as config from "../runs/settings/config.ts";
import { DEMO_SFT_SETTINGS } from "../runs/settings/demo.ts";
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
          message`YAML or JSON file of settings; options on the command line take precedence`,
      })),
      json: jsonOption(),
    }),
    optionsFromSchema("Run", sftConfig.sftRunFields),
    optionsFromSchema("Model", config.modelFields),
    optionsFromSchema("New adapter", config.loraFields),
    optionsFromSchema("Data", config.dataFields),
    optionsFromSchema("Training", sftConfig.sftFields),
    optionsFromSchema("Evaluation", sftConfig.sftEvaluationFields, DEMO_SFT_SETTINGS),
    optionsFromSchema("Device", config.deviceFields),
  ),
  {
    brief: message`Fine-tune a model on the summaries of a dataset.`,
    description: paragraphs(
      "Trains a LoRA adapter, or all weights with --full, on the summaries of the train split. " +
        "Before and after training, measures the loss on the test split, and ROUGE-1, ROUGE-2, " +
        "ROUGE-L and ROUGE-Lsum of greedy summaries (F-measures, without stemming). temper train " +
        "can start from the result.",
      "The output folder contains config.json (all settings), metrics.jsonl (statistics of each " +
        "step), adapter/ (PEFT format) or model/ (Hugging Face format), summaries.jsonl (before " +
        "and after training) and summary.json.",
    ),
    footer: examples(
      [
        "Train an adapter",
        "temper sft --model ./flan-t5-base " +
        "--dataset ./dialogsum --output sft",
      ],
      [
        "Continue with PPO",
        "temper train --model ./flan-t5-base --dataset ./dialogsum --adapter sft/adapter",
      ],
      ["Train all weights", "temper sft --full --model ./flan-t5-small --dataset ./dialogsum"],
      [
        "Teach the demo model to name the topic of a dialogue",
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
