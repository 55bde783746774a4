import { ROUGE_TYPES } from "../../../evaluation/rouge.ts";
import { baseModelName } from "../../loading/locate.ts";
import type { SftRunConfig } from "../../settings/sft_config.ts";
import { card, type CardContents } from "../card.ts";
import type { SftSummary } from "./summary.ts";

/**
 * README.md of the result of supervised fine-tuning: loss and ROUGE before and after, settings.
 *
 * @param examples number of examples that were measured on
 */
export function sftCard(
  model: CardContents["model"],
  config: SftRunConfig,
  { loss, rouge, steps, parameters }: SftSummary,
  examples: number,
): string {
  const base = baseModelName(config.model);
  const result = config.full ? "model" : "adapter";
  const what = config.full ? `\`${base}\`` : `A LoRA adapter for \`${base}\``;
  const row = (name: string, before: number, after: number) =>
    `| ${name} | ${before.toFixed(4)} | ${after.toFixed(4)} |\n`;
  const rougeRows = rouge
    ? ROUGE_TYPES.map((type) => row(type, rouge.before[type], rouge.after[type]))
    : [];
  const measured = rouge
    ? "the loss (nats a token), and ROUGE F-measures of\ngreedy responses"
    : "the loss (nats a token)";
  const body = `\
${what}, fine-tuned on the reference responses of \`${config.dataset}\` in ${steps} steps by
Temper. It has ${parameters.trainable} trained parameters of ${parameters.all}.

## Results

On ${examples} examples that were not trained on: ${measured}.

| | before | after |
| --- | --- | --- |
${row("loss", loss.before, loss.after)}${rougeRows.join("")}`;
  return card({ model, config, result, tags: ["sft"], body });
}
