import { comparisonToMarkdown } from "../../../evaluation/comparison_formats.ts";
import type { ComparisonRow } from "../../../evaluation/compare.ts";
import { baseModelName } from "../../loading/locate.ts";
import type { PreferenceRunConfig } from "../../settings/preference_config.ts";
import { card, type CardContents, winRateSentence } from "../card.ts";
import type { BeforeAfter, PreferenceSummary } from "./summary.ts";

/** Answers that the card shows. */
const SHOWN_ROWS = 5;

/** A prompt with its answers before and after training. */
export interface AnswerChange {
  /** Prompt. */
  readonly query: string;
  /** Answer before training. */
  readonly before: string;
  /** Answer after training. */
  readonly after: string;
}

/** README.md of an adapter from DPO, ORPO or KTO: accuracy, margin and answers before and after, settings. */
export function preferenceCard(
  model: CardContents["model"],
  config: PreferenceRunConfig,
  title: string,
  { accuracy, margin, loss, rewards, winRate, count, steps, parameters }: PreferenceSummary,
  comparison: readonly ComparisonRow[],
  answers: readonly AnswerChange[],
): string {
  const row = (name: string, { before, after }: BeforeAfter) =>
    `| ${name} | ${before.toFixed(4)} | ${after.toFixed(4)} |`;
  const rows = [
    row("accuracy", accuracy),
    row("margin", margin),
    row("loss", loss),
    ...Object.entries(rewards).map(([name, { before, after }]) =>
      row(`${name}, of answers`, { before: before.mean, after: after.mean })
    ),
  ];
  const shown = winRate !== undefined
    ? `${winRateSentence(winRate, "answer")}

The answers with the largest gain:

${comparisonToMarkdown(comparison.slice(0, SHOWN_ROWS))}`
    : answers.length > 0
    ? `Most likely answers:\n\n${answers.slice(0, SHOWN_ROWS).map(quoted).join("\n")}`
    : "";
  const body = `\
A LoRA adapter for \`${
    baseModelName(config.model)
  }\`, trained with ${title} on the preferences of \`${config.dataset}\` in
${steps} steps by Temper. It has ${parameters.trainable} trained parameters of ${parameters.all}.

## Results

On ${count} rows that were not trained on: the share in which the implied rewards agree with the
preference (ties count half), their mean margin, and the loss.

| | before | after |
| --- | --- | --- |
${rows.join("\n")}

${shown}`;
  return card({ model, config, result: "adapter", tags: [config.kind, "preference"], body });
}

function quoted({ query, before, after }: AnswerChange): string {
  const block = (text: string) => text.split("\n").map((line) => `> ${line}`).join("\n");
  return `${block(query)}\n\n- before: ${inline(before)}\n- after: ${inline(after)}\n`;
}

function inline(text: string): string {
  return text.replaceAll("\n", " ");
}
