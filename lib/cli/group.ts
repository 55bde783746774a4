import { merge, object } from "@optique/core/constructs";
import { message } from "@optique/core/message";
import { command, constant } from "@optique/core/primitives";
import type { z } from "../packages/zod.ts";
import * as config from "../runs/settings/config.ts";
import { DEMO_CHAT_GROUP_SETTINGS } from "../runs/settings/demo.ts";
import * as group from "../runs/settings/group_config.ts";
import { loraFields } from "../runs/settings/lora.ts";
import { fleetOptionFields } from "./nats_options.ts";
import { examples, paragraphs, rewardAllowNetOption, usageLine } from "./options.ts";
import { optionsFromSchema } from "./options_from_schema.ts";
import { type AlgorithmHelp, RESUMING, runOptions } from "./training_run.ts";

const sharedOptions = merge(
  object({ rewardAllowNet: rewardAllowNetOption() }),
  runOptions,
  optionsFromSchema("Run", group.groupRunFields, DEMO_CHAT_GROUP_SETTINGS),
  optionsFromSchema("Model", group.groupModelFields),
  optionsFromSchema("New adapter", loraFields, DEMO_CHAT_GROUP_SETTINGS),
  optionsFromSchema("Data", group.groupDataFields),
  optionsFromSchema("Reward", group.groupRewardFields),
  optionsFromSchema("Evaluation", group.groupEvaluationFields, DEMO_CHAT_GROUP_SETTINGS),
  optionsFromSchema("Generation", group.groupGenerationFields),
  optionsFromSchema("Many machines", { ...fleetOptionFields, ...config.fleetFields }),
  optionsFromSchema("Guards", group.groupGuardFields),
  optionsFromSchema("Device", config.deviceFields),
);

const FILES = "The output folder contains config.json (all settings), environment.json (hardware " +
  "and software), metrics.jsonl (statistics of each step), samples.jsonl (responses of each step " +
  "with their rewards and advantages), log.txt, checkpoint-N/, adapter/ (PEFT format), " +
  "comparison.csv and summary.json. If an error ends the run, failed.json has the reason.";

/** Makes the command of an algorithm on groups. */
function groupCommand<const Name extends string>(
  name: Name,
  fields: z.ZodRawShape,
  { brief, about, shown }: AlgorithmHelp,
) {
  return command(
    name,
    merge(
      object({ command: constant(name) }),
      sharedOptions,
      optionsFromSchema(name.toUpperCase(), fields, DEMO_CHAT_GROUP_SETTINGS),
    ),
    {
      brief,
      description: paragraphs(about, FILES, RESUMING),
      footer: examples(...shown),
      usageLine: usageLine(),
    },
  );
}

/** `temper grpo` */
export const grpoCommand = groupCommand("grpo", group.grpoFields, {
  brief: message`Fine-tune a policy with GRPO against rewards.`,
  about:
    "Lets the policy respond several times to each prompt, and trains a LoRA adapter on each " +
    "response's reward relative to its group: no value head, and no reference unless --beta " +
    "is set. Measures the rewards of test prompts before and after.",
  shown: [
    ["The demo: a chat model learns to add with care", "temper grpo"],
    ["The demo of PPO, by GRPO", "temper grpo --model demo/tiny-flan-t5"],
    [
      "Your own model, prompts and reward",
      "temper grpo --model ./Qwen2.5-0.5B-Instruct --dataset ./prompts.jsonl --reward ./reward.ts",
    ],
    [
      "With the length bias of GRPO removed",
      "temper grpo --loss-type dr_grpo --scale-rewards none",
    ],
  ],
});

/** `temper rloo` */
export const rlooCommand = groupCommand("rloo", group.rlooFields, {
  brief: message`Fine-tune a policy with RLOO against rewards.`,
  about:
    "Lets the policy respond several times to each prompt, and trains a LoRA adapter on each " +
    "response's reward minus the mean of the others of its group (REINFORCE leave-one-out). " +
    "Measures the rewards of test prompts before and after.",
  shown: [
    ["The demo: a chat model learns to add with care", "temper rloo"],
    ["Four responses to each prompt", "temper rloo --num-generations 4"],
  ],
});
