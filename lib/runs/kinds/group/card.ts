import type { ComparisonRow } from "../../../evaluation/compare.ts";
import { comparisonToMarkdown } from "../../../evaluation/comparison_formats.ts";
import type { SampleStatistics } from "../../../evaluation/statistics.ts";
import { baseModelName } from "../../loading/locate.ts";
import type { GroupRunConfig } from "../../settings/group_config.ts";
import { card, type CardContents, winRateSentence } from "../card.ts";
import type { GroupSummary } from "./summary.ts";

/** Prompts that the card shows: those with the largest gain. */
const SHOWN_ROWS = 5;

/** README.md of an adapter from GRPO or RLOO: rewards before and after, responses, settings. */
export function groupCard(
  model: CardContents["model"],
  config: GroupRunConfig,
  title: string,
  { reward, rewards, winRate, steps, parameters }: GroupSummary,
  comparison: readonly ComparisonRow[],
): string {
  const row = (name: string, { before, after }: GroupSummary["reward"]) =>
    `| ${name} | ${cell(before)} | ${cell(after)} |`;
  const body = `\
A LoRA adapter for \`${
    baseModelName(config.model)
  }\`, trained with ${title} in ${steps} steps by Temper. It has
${parameters.trainable} trained parameters of ${parameters.all}.

## Results

Responses to ${reward.after.count} prompts that were not trained on:

| | before | after |
| --- | --- | --- |
${Object.entries(rewards).map(([name, change]) => row(name, change)).join("\n")}

${winRateSentence(winRate, "response")}

The prompts with the largest gain:

${comparisonToMarkdown(comparison.slice(0, SHOWN_ROWS))}`;
  return card({ model, config, result: "adapter", tags: [config.kind, "rlhf"], body });
}

function cell({ mean, std, interval }: SampleStatistics): string {
  const [low, high] = interval.map((value) => value.toFixed(4));
  return `${mean.toFixed(4)} ± ${std.toFixed(4)} (95 % confidence ${low} to ${high})`;
}
