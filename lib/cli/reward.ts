import { merge, object } from "@optique/core/constructs";
import { message } from "@optique/core/message";
import { command, constant } from "@optique/core/primitives";
import { deviceFields } from "../runs/settings/config.ts";
import { DEMO_REWARD_SETTINGS } from "../runs/settings/demo.ts";
import * as reward from "../runs/settings/reward_config.ts";
import { examples, paragraphs, usageLine } from "./options.ts";
import { optionsFromSchema } from "./options_from_schema.ts";
import { RESUMING, runOptions } from "./training_run.ts";

/** `temper reward` */
export const rewardCommand = command(
  "reward",
  merge(
    object({ command: constant("reward") }),
    runOptions,
    optionsFromSchema("Run", reward.rewardRunFields, DEMO_REWARD_SETTINGS),
    optionsFromSchema("Model", reward.rewardModelFields),
    optionsFromSchema("New adapter", reward.rewardLoraFields),
    optionsFromSchema("Data", reward.rewardDataFields),
    optionsFromSchema("Training", reward.rewardTrainingFields, DEMO_REWARD_SETTINGS),
    optionsFromSchema("Evaluation", reward.rewardEvaluationFields),
    optionsFromSchema("Guards", reward.rewardGuardFields),
    optionsFromSchema("Device", deviceFields),
  ),
  {
    brief: message`Train a reward model on preferences.`,
    description: paragraphs(
      "Trains a classifier with one output, the reward of a text, on pairs of a better and a worse " +
        "answer: a LoRA adapter and the head, or all weights with --full. A model without a head " +
        "gets a new one. Before and after training, measures on the test split how often the " +
        "better answer has the larger reward, and by how much. temper train, grpo and rloo take " +
        "the result as --reward.",
      "The output folder contains config.json (all settings), environment.json (hardware and " +
        "software), metrics.jsonl (statistics of each step), samples.jsonl (answers of each step " +
        "with their rewards), log.txt, checkpoint-N/, model/ (Hugging Face format) or adapter/ " +
        "(PEFT format), pairs.jsonl (test pairs with their rewards before and after training) and " +
        "summary.json. If an error ends the run, failed.json has the reason.",
      RESUMING,
    ),
    footer: examples(
      ["The demo: a reward model that prefers polite summaries", "temper reward"],
      [
        "Train a reward model",
        "temper reward --model ./Qwen2.5-0.5B-Instruct --dataset ./preferences.jsonl " +
        "--output runs/judge",
      ],
      [
        "Score texts with it",
        'temper score --model runs/judge/model "Is this a good answer?"',
      ],
      [
        "Train a policy on it",
        "temper grpo --model ./Qwen2.5-0.5B-Instruct --dataset ./prompts.jsonl " +
        "--reward runs/judge/model",
      ],
      ["Resume an interrupted run", "temper reward --resume runs/judge"],
    ),
    usageLine: usageLine(),
  },
);
