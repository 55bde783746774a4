import { merge, object } from "@optique/core/constructs";
import { message } from "@optique/core/message";
import { command, constant } from "@optique/core/primitives";
import type { InferValue } from "@optique/core/parser";
import { runKind } from "../runs/kinds/registry.ts";
import * as config from "../runs/settings/config.ts";
import { DEMO_DPO_SETTINGS, DEMO_KTO_SETTINGS, DEMO_ORPO_SETTINGS } from "../runs/settings/demo.ts";
import { loraFields } from "../runs/settings/lora.ts";
import * as preference from "../runs/settings/preference_config.ts";
import { examples, given, paragraphs, rewardAllowNetOption, usageLine } from "./options.ts";
import { optionsFromSchema } from "./options_from_schema.ts";
import { runOptions, trainRun } from "./training_run.ts";

/** Options of the commands on preferences, beside those of data and algorithm. */
function sharedOptions(demo: Readonly<Record<string, unknown>>) {
  return merge(
    object({ rewardAllowNet: rewardAllowNetOption() }),
    runOptions,
    optionsFromSchema("Run", preference.preferenceRunFields, demo),
    optionsFromSchema("Model", config.modelFields),
    optionsFromSchema("New adapter", loraFields),
    optionsFromSchema("Evaluation", preference.preferenceEvaluationFields, demo),
    optionsFromSchema("Guards", preference.preferenceGuardFields),
    optionsFromSchema("Device", config.deviceFields),
  );
}

const FILES = "The output folder contains config.json (all settings), environment.json (hardware " +
  "and software), metrics.jsonl (statistics of each step), samples.jsonl (some rows of each step " +
  "with their implied rewards), log.txt, checkpoint-N/, adapter/ (PEFT format), answers.jsonl " +
  "(before and after training) and summary.json, and with --eval-reward comparison.csv. If an " +
  "error ends the run, failed.json has the reason.";
const RESUMING =
  "Ctrl-C finishes the current step and saves a checkpoint. A run that was stopped or killed " +
  "continues with --resume, and gives the same result as one that was not.";

/** `temper dpo` */
export const dpoCommand = command(
  "dpo",
  merge(
    object({ command: constant("dpo") }),
    sharedOptions(DEMO_DPO_SETTINGS),
    optionsFromSchema("Data", preference.preferenceDataFields),
    optionsFromSchema("DPO", preference.dpoFields, DEMO_DPO_SETTINGS),
  ),
  {
    brief: message`Fine-tune a policy with DPO on preferences.`,
    description: paragraphs(
      "Trains a LoRA adapter on pairs of a better and a worse answer to a prompt, on a leash to " +
        "the policy as it was (direct preference optimization): no reward model, and nothing is " +
        "generated. Measures loss, accuracy and margin of test pairs before and after.",
      FILES,
      RESUMING,
    ),
    footer: examples(
      ["The demo", "temper dpo"],
      [
        "Your own model and pairs",
        "temper dpo --model ./Qwen2.5-0.5B-Instruct --dataset ./pairs.jsonl",
      ],
      ["Another loss", "temper dpo --loss-type ipo --beta 0.2"],
      [
        "Several epochs, with the reference computed once",
        "temper dpo --epochs 3 --precompute-ref-log-probs",
      ],
    ),
    usageLine: usageLine(),
  },
);

/** `temper orpo` */
export const orpoCommand = command(
  "orpo",
  merge(
    object({ command: constant("orpo") }),
    sharedOptions(DEMO_ORPO_SETTINGS),
    optionsFromSchema("Data", preference.preferenceDataFields),
    optionsFromSchema("ORPO", preference.orpoFields, DEMO_ORPO_SETTINGS),
  ),
  {
    brief: message`Fine-tune a policy with ORPO on preferences.`,
    description: paragraphs(
      "Trains a LoRA adapter to give the better of two answers, and to prefer it to the worse one " +
        "(odds ratio preference optimization): supervised fine-tuning and preferences in one, " +
        "without a reference. Measures loss, accuracy and margin of test pairs before and after.",
      FILES,
      RESUMING,
    ),
    footer: examples(
      ["The demo", "temper orpo"],
      ["Your own model and pairs", "temper orpo --model ./SmolLM2-135M --dataset ./pairs.jsonl"],
    ),
    usageLine: usageLine(),
  },
);

/** `temper kto` */
export const ktoCommand = command(
  "kto",
  merge(
    object({ command: constant("kto") }),
    sharedOptions(DEMO_KTO_SETTINGS),
    optionsFromSchema("Data", preference.ktoDataFields),
    optionsFromSchema("KTO", preference.ktoFields, DEMO_KTO_SETTINGS),
  ),
  {
    brief: message`Fine-tune a policy with KTO on answers that were liked or not.`,
    description: paragraphs(
      "Trains a LoRA adapter on single answers with a label, which need no counterpart " +
        "(Kahneman-Tversky optimization); pairs are taken apart. Measures loss, accuracy and " +
        "margin of test answers before and after.",
      FILES,
      RESUMING,
    ),
    footer: examples(
      ["The demo", "temper kto"],
      [
        "Your own model and labels, of which few are true",
        "temper kto --model ./SmolLM2-135M-Instruct --dataset ./feedback.jsonl --desirable-weight 4",
      ],
    ),
    usageLine: usageLine(),
  },
);

/** Trains, and prints the results. */
export async function runPreference(
  options:
    | InferValue<typeof dpoCommand>
    | InferValue<typeof orpoCommand>
    | InferValue<typeof ktoCommand>,
): Promise<void> {
  const { command, rewardAllowNet: _, config, resume, ui, json, ...flags } = options;
  await trainRun(runKind(command), { config, resume, ui, json }, given(flags));
}
