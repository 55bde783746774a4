import { merge, object } from "@optique/core/constructs";
import { message } from "@optique/core/message";
import { command, constant } from "@optique/core/primitives";
import * as config from "../runs/settings/config.ts";
import { loraFields } from "../runs/settings/lora.ts";
import { DEMO_SFT_SETTINGS } from "../runs/settings/demo.ts";
import * as sftConfig from "../runs/settings/sft_config.ts";
import { examples, paragraphs, usageLine } from "./options.ts";
import { optionsFromSchema } from "./options_from_schema.ts";
import { RESUMING, runOptions } from "./training_run.ts";

/** `temper sft` */
export const sftCommand = command(
  "sft",
  merge(
    object({ command: constant("sft") }),
    runOptions,
    optionsFromSchema("Run", sftConfig.sftRunFields),
    optionsFromSchema("Model", config.modelFields),
    optionsFromSchema("New adapter", loraFields),
    optionsFromSchema("Data", config.dataFields),
    optionsFromSchema("Training", sftConfig.sftFields),
    optionsFromSchema("Evaluation", sftConfig.sftEvaluationFields, DEMO_SFT_SETTINGS),
    optionsFromSchema("Guards", sftConfig.sftGuardFields),
    optionsFromSchema("Device", config.deviceFields),
  ),
  {
    brief: message`Fine-tune a model on the responses of a dataset.`,
    description: paragraphs(
      "Trains a LoRA adapter, or all weights with --full, on the train split: dialogues with " +
        "summaries, or conversations, completions and texts in TRL's formats. " +
        "Before and after training, measures the loss on the test split, and ROUGE-1, ROUGE-2, " +
        "ROUGE-L and ROUGE-Lsum of greedy responses (F-measures, without stemming). temper train " +
        "can start from the result.",
      "The output folder contains config.json (all settings), environment.json (hardware and " +
        "software), metrics.jsonl (statistics of each step), log.txt, checkpoint-N/, adapter/ " +
        "(PEFT format) or model/ (Hugging Face format), summaries.jsonl (before and after " +
        "training) and summary.json. If an error ends the run, failed.json has the reason.",
      RESUMING,
    ),
    footer: examples(
      [
        "Train an adapter",
        "temper sft --model ./flan-t5-base " +
        "--dataset ./dialogsum --output sft",
      ],
      [
        "Teach a chat model the assistant's turns of conversations",
        "temper sft " +
        "--model ./SmolLM2-135M-Instruct --dataset chats.jsonl --assistant-only-loss",
      ],
      [
        "Continue with PPO",
        "temper train --model ./flan-t5-base --dataset ./dialogsum --adapter sft/adapter",
      ],
      ["Resume an interrupted run", "temper sft --resume runs/taught"],
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
