import { baseModelName } from "../../loading/locate.ts";
import type { RewardRunConfig } from "../../settings/reward_config.ts";
import { card } from "../card.ts";
import type { BeforeAfter, RewardSummary } from "./summary.ts";

/** README.md of a reward model: accuracy and margin before and after, use, settings. */
export function rewardCard(
  config: RewardRunConfig,
  result: "adapter" | "model",
  { accuracy, margin, loss, count, steps, parameters }: RewardSummary,
): string {
  const base = baseModelName(config.model);
  const what = result === "adapter" ? `A LoRA adapter and a head for \`${base}\`` : `\`${base}\``;
  const row = (name: string, { before, after }: BeforeAfter) =>
    `| ${name} | ${before.toFixed(4)} | ${after.toFixed(4)} |\n`;
  const body = `\
${what}, trained as a reward model on the preferences of \`${config.dataset}\` in ${steps} steps by
Temper. It has ${parameters.trainable} trained parameters of ${parameters.all}. Its only logit is the
reward of a text, prompt and answer together.

## Results

On ${count} pairs that were not trained on: the share whose chosen answer has the larger reward, the
mean of its reward minus that of the rejected answer, and the loss.

| | before | after |
| --- | --- | --- |
${row("accuracy", accuracy)}${row("margin", margin)}${row("loss", loss)}`;
  const tags = ["reward-model", "reward-trainer"];
  return card({ model: { taskType: "SEQ_CLS" }, config, result, tags, body });
}
