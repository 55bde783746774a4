import { merge, object } from "@optique/core/constructs";
import { message } from "@optique/core/message";
import { command, constant } from "@optique/core/primitives";
import type { z } from "../packages/zod.ts";
import * as config from "../runs/settings/config.ts";
import { DEMO_DPO_SETTINGS, DEMO_KTO_SETTINGS, DEMO_ORPO_SETTINGS } from "../runs/settings/demo.ts";
import { loraFields } from "../runs/settings/lora.ts";
import * as preference from "../runs/settings/preference_config.ts";
import { examples, paragraphs, rewardAllowNetOption, usageLine } from "./options.ts";
import { optionsFromSchema } from "./options_from_schema.ts";
import { type AlgorithmHelp, RESUMING, runOptions } from "./training_run.ts";

const FILES = "The output folder contains config.json (all settings), environment.json (hardware " +
  "and software), metrics.jsonl (statistics of each step), samples.jsonl (some rows of each step " +
  "with their implied rewards), log.txt, checkpoint-N/, adapter/ (PEFT format), answers.jsonl " +
  "(before and after training) and summary.json, and with --eval-reward comparison.csv. If an " +
  "error ends the run, failed.json has the reason.";

/** An algorithm on preferences, and texts of its command's help. */
interface PreferenceCommand extends AlgorithmHelp {
  /** Settings of the dataset. */
  readonly data: z.ZodRawShape;
  /** Settings of the algorithm. */
  readonly fields: z.ZodRawShape;
  /** Settings of the demo. */
  readonly demo: Readonly<Record<string, unknown>>;
}

/** Makes the command of an algorithm on preferences. */
function preferenceCommand<const Name extends string>(
  name: Name,
  { data, fields, demo, brief, about, shown }: PreferenceCommand,
) {
  return command(
    name,
    merge(
      object({ command: constant(name), rewardAllowNet: rewardAllowNetOption() }),
      runOptions,
      optionsFromSchema("Run", preference.preferenceRunFields, demo),
      optionsFromSchema("Model", config.modelFields),
      optionsFromSchema("New adapter", loraFields),
      optionsFromSchema("Evaluation", preference.preferenceEvaluationFields, demo),
      optionsFromSchema("Guards", preference.preferenceGuardFields),
      optionsFromSchema("Device", config.deviceFields),
      optionsFromSchema("Data", data),
      optionsFromSchema(name.toUpperCase(), fields, demo),
    ),
    {
      brief,
      description: paragraphs(about, FILES, RESUMING),
      footer: examples(...shown),
      usageLine: usageLine(),
    },
  );
}

/** `temper dpo` */
export const dpoCommand = preferenceCommand("dpo", {
  data: preference.preferenceDataFields,
  fields: preference.dpoFields,
  demo: DEMO_DPO_SETTINGS,
  brief: message`Fine-tune a policy with DPO on preferences.`,
  about:
    "Trains a LoRA adapter on pairs of a better and a worse answer to a prompt, held close to the " +
    "policy as it was (direct preference optimization): without a reward model, and without " +
    "generating. Measures loss, accuracy and margin of test pairs before and after.",
  shown: [
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
  ],
});

/** `temper orpo` */
export const orpoCommand = preferenceCommand("orpo", {
  data: preference.preferenceDataFields,
  fields: preference.orpoFields,
  demo: DEMO_ORPO_SETTINGS,
  brief: message`Fine-tune a policy with ORPO on preferences.`,
  about:
    "Trains a LoRA adapter to give the better of two answers, and to prefer it to the worse one " +
    "(odds ratio preference optimization): supervised fine-tuning and preferences in one, " +
    "without a reference. Measures loss, accuracy and margin of test pairs before and after.",
  shown: [
    ["The demo", "temper orpo"],
    ["Your own model and pairs", "temper orpo --model ./SmolLM2-135M --dataset ./pairs.jsonl"],
  ],
});

/** `temper kto` */
export const ktoCommand = preferenceCommand("kto", {
  data: preference.ktoDataFields,
  fields: preference.ktoFields,
  demo: DEMO_KTO_SETTINGS,
  brief: message`Fine-tune a policy with KTO on answers that were liked or not.`,
  about: "Trains a LoRA adapter on single answers with a label, which need no counterpart " +
    "(Kahneman-Tversky optimization); pairs are taken apart. Measures loss, accuracy and " +
    "margin of test answers before and after.",
  shown: [
    ["The demo", "temper kto"],
    [
      "Your own model and labels, of which few are true",
      "temper kto --model ./SmolLM2-135M-Instruct --dataset ./feedback.jsonl --desirable-weight 4",
    ],
  ],
});
