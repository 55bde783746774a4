import { ROUGE_TYPES } from "../../../evaluation/rouge.ts";
import type { SFTStats } from "../../../sft/sft_trainer.ts";
import {
  resolveSftConfig,
  type SftRunConfig,
  sftRunConfigSchema,
} from "../../settings/sft_config.ts";
import { changeOf, measuredOf } from "../change.ts";
import { MAY_CHANGE } from "../may_change.ts";
import type { RunKind } from "../run_kind.ts";
import { SFT_CHARTS } from "./charts.ts";
import type { SftMeasurement } from "./measurement.ts";
import { BEFORE_FILE, type SftSummary, sftSummarySchema } from "./summary.ts";

/** Supervised fine-tuning: `temper sft`. */
export const sft: RunKind<SftRunConfig, SFTStats, SftMeasurement, SftSummary> = {
  kind: "sft",
  title: "supervised fine-tuning",
  schema: sftRunConfigSchema,
  mayChange: [
    ...MAY_CHANGE,
    "epochs",
    "peftFormat",
    "evalEvery",
    "maxTokenKl",
  ],
  headline: [{ metric: "loss", label: "loss", better: "lower" }],
  charts: SFT_CHARTS,
  curves: ["loss", "grad_norm"],
  stepTimes: ["time/step"],
  command: "sft",
  changes: (summary) => [
    ...ROUGE_TYPES.flatMap((type) =>
      changeOf(summary, rougeLabel(type), "higher", ["rouge"], [type])
    ),
    ...changeOf(summary, "loss", "lower", ["loss"]),
  ],
  before: {
    file: BEFORE_FILE,
    read: (measurement) => [
      ...ROUGE_TYPES.flatMap((type) => measuredOf(measurement, rougeLabel(type), ["rouge", type])),
      ...measuredOf(measurement, "loss", ["loss"]),
    ],
  },
  records: ["summaries.jsonl"],
  summarySchema: sftSummarySchema,
  resolve: resolveSftConfig,
  answerSettings: (config) => config,
  open: async (context) => await (await import("./task.ts")).SftTask.open(context),
};

function rougeLabel(type: typeof ROUGE_TYPES[number]): string {
  return type.replace("rouge", "ROUGE-");
}
