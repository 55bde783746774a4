import { ROUGE_TYPES } from "../../../evaluation/rouge.ts";
import { sftRunConfigSchema } from "../../settings/sft_config.ts";
import { changeOf } from "../change.ts";
import type { RunKind } from "../run_kind.ts";
import { SFT_CHARTS } from "./charts.ts";

/** Supervised fine-tuning: `temper sft`. */
export const sft: RunKind = {
  kind: "sft",
  title: "supervised fine-tuning",
  schema: sftRunConfigSchema,
  mayChange: [
    "steps",
    "epochs",
    "saveEvery",
    "progress",
    "peftFormat",
    "datasetCache",
    "device",
    "threads",
    "evalEvery",
  ],
  headline: [{ metric: "loss", label: "loss", better: "lower" }],
  charts: SFT_CHARTS,
  stepTimes: ["time/step"],
  command: "sft",
  generates: true,
  changes: (summary) => [
    ...ROUGE_TYPES.flatMap((type) =>
      changeOf(summary, type.replace("rouge", "ROUGE-"), "higher", ["rouge"], [type])
    ),
    ...changeOf(summary, "loss", "lower", ["loss"]),
  ],
};
