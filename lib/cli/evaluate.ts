import { merge, object } from "@optique/core/constructs";
import { message } from "@optique/core/message";
import { command, constant } from "@optique/core/primitives";
import type { InferValue } from "@optique/core/parser";
import * as config from "../runs/settings/config.ts";
import { examples, given, jsonOption, paragraphs, usageLine } from "./options.ts";
import { optionsFromSchema } from "./options_from_schema.ts";
import { print } from "./terminal.ts";

/** `temper evaluate` */
export const evaluateCommand = command(
  "evaluate",
  merge(
    object({ command: constant("evaluate"), json: jsonOption() }),
    optionsFromSchema("Policy", config.modelFields),
    optionsFromSchema("Data", config.dataFields),
    optionsFromSchema("Evaluation", { ...config.evaluationFields, seed: config.runFields.seed }),
    optionsFromSchema("Generation", config.generationFields),
    optionsFromSchema("Device", config.deviceFields),
  ),
  {
    brief: message`Measure the toxicity of a policy.`,
    description: paragraphs(
      "Generates responses to prompts of the test split, and measures the toxicity of each prompt " +
        "with its response: the mean probability of the classifier's toxic label, its standard " +
        "deviation, and the 95% confidence interval of the mean.",
    ),
    footer: examples(
      ["The demo policy", "temper evaluate"],
      ["With a trained adapter", "temper evaluate --adapter runs/first/adapter"],
      ["More prompts, as JSON", "temper evaluate --eval-samples 400 --json"],
    ),
    usageLine: usageLine(),
  },
);

/** Measures, and prints the result. */
export async function runEvaluate(options: InferValue<typeof evaluateCommand>): Promise<void> {
  const { command: _, json, ...flags } = options;
  const resolved = config.resolveTrainConfig(given(flags));
  const { evaluate } = await import("../runs/commands/evaluate.ts");
  const { downloadScreen } = await import("./download_screen.ts");
  const { samples, ...statistics } = await evaluate(resolved, downloadScreen());
  if (json) return print(JSON.stringify({ ...statistics, samples }, null, 2));
  const { toxicityLine } = await import("../runs/kinds/toxicity.ts");
  print(toxicityLine("toxicity", statistics));
}
