import { merge, object } from "@optique/core/constructs";
import { message } from "@optique/core/message";
import { command, constant } from "@optique/core/primitives";
import * as config from "../runs/settings/config.ts";
import { loraFields } from "../runs/settings/lora.ts";
import { DEMO_SETTINGS } from "../runs/settings/demo.ts";
import { fleetOptionFields } from "./nats_options.ts";
import { examples, paragraphs, rewardAllowNetOption, usageLine } from "./options.ts";
import { optionsFromSchema } from "./options_from_schema.ts";
import { RESUMING, runOptions } from "./training_run.ts";

/** `temper train` */
export const trainCommand = command(
  "train",
  merge(
    object({ command: constant("train"), rewardAllowNet: rewardAllowNetOption() }),
    runOptions,
    optionsFromSchema("Run", config.runFields, DEMO_SETTINGS),
    optionsFromSchema("Model", config.modelFields, DEMO_SETTINGS),
    optionsFromSchema("New adapter", loraFields, DEMO_SETTINGS),
    optionsFromSchema("Data", config.dataFields, DEMO_SETTINGS),
    optionsFromSchema("Reward", config.rewardFields, DEMO_SETTINGS),
    optionsFromSchema("Evaluation", config.trainEvaluationFields, DEMO_SETTINGS),
    optionsFromSchema("Generation", config.generationFields, DEMO_SETTINGS),
    optionsFromSchema("Rollouts", config.rolloutFields, DEMO_SETTINGS),
    optionsFromSchema("Many machines", { ...fleetOptionFields, ...config.fleetFields }),
    optionsFromSchema("PPO", config.ppoFields, DEMO_SETTINGS),
    optionsFromSchema("Guards", config.guardFields, DEMO_SETTINGS),
    optionsFromSchema("Device", config.deviceFields, DEMO_SETTINGS),
  ),
  {
    brief: message`Fine-tune a policy with PPO against a reward.`,
    description: paragraphs(
      "Measures the policy's toxicity, trains a LoRA adapter and a value head with PPO against " +
        "the reward, then measures again and shows the changes. Without options, it trains the " +
        "demo policy in less than a minute.",
      "The output folder contains config.json (all settings), environment.json (hardware and " +
        "software), metrics.jsonl (statistics of each step), samples.jsonl (responses of each " +
        "step), log.txt, checkpoint-N/, adapter/ (PEFT format, with the value head), " +
        "comparison.csv and summary.json. If an error ends the run, failed.json has the reason.",
      "With --algorithm, trains with another algorithm, as the command of its name does: grpo, rloo, " +
        "dpo, orpo, kto, sft or reward.",
      `${RESUMING} Its settings stay the same; only steps, save-every, keep, log, progress, ` +
        "activation-memory, the guards and the options of the device may change.",
    ),
    footer: examples(
      ["The demo", "temper train"],
      [
        "Your own model, data and reward",
        "temper train --model ./flan-t5-base --adapter ./peft-adapter --dataset ./dialogsum " +
        "--reward ./toxicity-classifier",
      ],
      [
        "The original notebook, from the Hugging Face Hub",
        "temper train --model google/flan-t5-base --dataset knkarthick/dialogsum " +
        "--reward facebook/roberta-hate-speech-dynabench-r4-target",
      ],
      ["Two rewards", "temper train --reward ./classifier,./brevity.ts --reward-weights 1,0.2"],
      [
        "With workers that generate, on other machines",
        "temper train --nats nats://localhost:4222",
      ],
      ["Resume an interrupted run", "temper train --resume runs/first"],
      ["Repeat a run with another seed", "temper train --config runs/first/config.json --seed 1"],
    ),
    usageLine: usageLine(),
  },
);
