import { merge, object } from "@optique/core/constructs";
import { message } from "@optique/core/message";
import { optional } from "@optique/core/modifiers";
import { argument, command, constant, option } from "@optique/core/primitives";
import type { InferValue } from "@optique/core/parser";
import { choice, integer } from "@optique/core/valueparser";
import { path } from "@optique/run/valueparser";
import { UserError } from "../errors.ts";
import type { ComparisonRow } from "../evaluation/compare.ts";
import * as config from "../runs/settings/config.ts";
import { examples, given, paragraphs, preset, rewardAllowNetOption, usageLine } from "./options.ts";
import { optionsFromSchema } from "./options_from_schema.ts";
import { print, printData, terminal } from "./terminal.ts";

const FORMATS = ["table", "csv", "json", "markdown"] as const;
/** Lines that a text takes in the table at most. */
const CELL_LINES = 12;

/** `temper compare` */
export const compareCommand = command(
  "compare",
  merge(
    object({
      command: constant("compare"),
      run: optional(argument(path({ metavar: "RUN", type: "directory" }), {
        description: message`Folder of a run, for its settings and its trained adapter`,
      })),
      adapterBefore: optional(option("--adapter-before", path({ metavar: "DIR|ORG/NAME" }), {
        description:
          message`Adapter before training (default: the one that the run started from, or none)`,
      })),
      samples: preset(
        option("--samples", integer({ min: 1, metavar: "N" }), {
          description: message`Number of test prompts to compare on`,
        }),
        20,
      ),
      format: preset(
        option("--format", choice(FORMATS, { metavar: "FORMAT" }), {
          description:
            message`Output format: a table for the terminal, or uncut texts as csv, json or markdown`,
        }),
        "table",
      ),
      rewardAllowNet: rewardAllowNetOption(),
      json: option("--json", { description: message`Same as --format json` }),
    }),
    optionsFromSchema("Policy", config.modelFields),
    optionsFromSchema("Data", { ...config.dataFields, seed: config.runFields.seed }),
    optionsFromSchema("Reward", config.rewardFields),
    optionsFromSchema("Generation", {
      ...config.generationFields,
      evalMaxNewTokens: config.evaluationFields.evalMaxNewTokens,
    }),
    optionsFromSchema("Device", config.deviceFields),
  ),
  {
    brief: message`Compare a policy's responses before and after training.`,
    description: paragraphs(
      "Generates responses to the same prompts with the adapters before and after training, scores " +
        "them with the reward, and shows each query, both responses, their rewards and the " +
        "difference, largest gain first.",
    ),
    footer: examples(
      ["The result of a run", "temper compare runs/first"],
      ["For a spreadsheet", "temper compare runs/first --samples 200 --format csv > first.csv"],
      ["Two adapters", "temper compare --adapter-before ./a --adapter ./b"],
    ),
    usageLine: usageLine("[RUN]"),
  },
);

/** Compares, and prints the rows in the format asked for. */
export async function runCompare(options: InferValue<typeof compareCommand>): Promise<void> {
  const { command: _, rewardAllowNet: __, run, adapterBefore, samples, format, json, ...flags } =
    options;
  if (run === undefined && flags.adapter === undefined) {
    throw new UserError("nothing to compare: give the folder of a run, or --adapter DIR", {
      exitCode: 2,
    });
  }
  const { readRunConfig, readSharedSettings } = await import("../runs/kinds/run_config.ts");
  if (run !== undefined && (await readRunConfig(run)).kind.scores) {
    throw new UserError(
      `${run} trained a reward model, which gives no responses: ${run}/pairs.jsonl has its test pairs ` +
        "with their rewards before and after training",
    );
  }
  // Other kinds divide their batches otherwise than PPO; comparing needs none.
  const batches = {
    batchSize: true,
    miniBatchSize: true,
    gradientAccumulationSteps: true,
  } as const;
  const schema = config.trainConfigSchema.omit(batches);
  const ofRun = run === undefined ? {} : await readSharedSettings(run, schema);
  const resolved = config.resolveTrainConfig({ ...ofRun, ...given(flags) });
  const { compare } = await import("../runs/commands/compare.ts");
  const { downloadScreen } = await import("./download_screen.ts");
  const rows = await compare(resolved, {
    before: adapterBefore ?? (run === undefined ? null : ofRun.adapter ?? null),
    after: flags.adapter ?? `${run}/adapter`,
    samples,
  }, downloadScreen());
  await printComparison(rows, json ? "json" : format);
}

async function printComparison(
  rows: readonly ComparisonRow[],
  format: typeof FORMATS[number],
): Promise<void> {
  const formats = await import("../evaluation/comparison_formats.ts");
  if (format === "table") {
    const { comparisonTable } = await import("./comparison_table.ts");
    return print(comparisonTable(rows, terminal("stdout").width, CELL_LINES));
  }
  const render = {
    csv: formats.comparisonToCsv,
    json: formats.comparisonToJson,
    markdown: formats.comparisonToMarkdown,
  }[format];
  printData(render(rows));
}
