import type { ComparisonRow } from "../../../evaluation/compare.ts";
import { comparisonToMarkdown } from "../../../evaluation/comparison_formats.ts";
import { baseModelName } from "../../loading/locate.ts";
import type { TrainConfig } from "../../settings/config.ts";
import { card, type CardContents } from "../card.ts";
import type { Summary } from "./summary.ts";

/** Prompts that the card shows: those with the largest gain in reward. */
const SHOWN_ROWS = 5;

/** README.md of a PPO run's adapter: toxicity and reward before and after, responses, settings. */
export function ppoCard(
  model: CardContents["model"],
  config: TrainConfig,
  { toxicity, reward, steps, parameters }: Summary,
  comparison: readonly ComparisonRow[],
): string {
  const [before, after] = [toxicity.before, toxicity.after].map(({ mean, std, interval }) =>
    `${mean.toFixed(4)} ± ${std.toFixed(4)} (95 % confidence ${
      interval.map((value) => value.toFixed(4)).join(" to ")
    })`
  );
  const body = `\
A LoRA adapter for \`${
    baseModelName(config.model)
  }\`, trained with PPO in ${steps} steps by Temper. It has
${parameters.trainable} trained parameters, its value head's included (\`value_head.*\`, which
inference does not need), of ${parameters.all}.

## Results

On ${toxicity.after.count} prompts that were not trained on:

| | before | after |
| --- | --- | --- |
| toxicity | ${before} | ${after} |
| reward | ${reward.before.toFixed(4)} | ${reward.after.toFixed(4)} |

The prompts with the largest gain in reward:

${comparisonToMarkdown(comparison.slice(0, SHOWN_ROWS))}`;
  return card({ model, config, result: "adapter", tags: ["ppo", "rlhf"], body });
}
