import { stringify } from "../../packages/yaml.ts";
import type { ComparisonRow } from "../../evaluation/compare.ts";
import { comparisonToMarkdown } from "../../evaluation/comparison_formats.ts";
import type { TrainConfig } from "../settings/config.ts";
import { baseModelName } from "../loading/locate.ts";
import type { Summary } from "./summary.ts";

/** Prompts that the card shows: those with the largest gain in reward. */
const SHOWN_ROWS = 5;
/** Settings of where things are and how they are shown, which say nothing about the adapter. */
const LEFT_OUT: readonly string[] = [
  "output",
  "datasetCache",
  "progress",
  "log",
  "keep",
  "saveEvery",
  "threads",
];

/**
 * An adapter's README.md, with the front matter that PEFT writes for the Hugging Face Hub: what it
 * was trained for, the toxicity before and after, what it says, and every setting.
 */
export function modelCard(
  config: TrainConfig,
  { toxicity, reward, steps, parameters }: Summary,
  comparison: readonly ComparisonRow[],
): string {
  const base = baseModelName(config.model);
  const frontMatter = stringify({
    base_model: base,
    library_name: "peft",
    pipeline_tag: "text2text-generation",
    tags: ["base_model:adapter:" + base, "lora", "ppo", "rlhf", "temper"],
  });
  const settings = Object.entries(config).filter(([name]) => !LEFT_OUT.includes(name));
  const [before, after] = [toxicity.before, toxicity.after].map(({ mean, std, interval }) =>
    `${mean.toFixed(4)} ± ${std.toFixed(4)} (95 % confidence ${
      interval.map((value) => value.toFixed(4)).join(" to ")
    })`
  );
  return `---
${frontMatter}---

# ${config.name ?? `LoRA adapter for ${base}`}

A LoRA adapter for \`${base}\`, trained with PPO in ${steps} steps by Temper. It has
${parameters.trainable} trained parameters, its value head's included (\`value_head.*\`, which
inference does not need), of ${parameters.all}.

## Results

On ${toxicity.after.count} prompts that were not trained on:

| | before | after |
| --- | --- | --- |
| toxicity | ${before} | ${after} |
| reward | ${reward.before.toFixed(4)} | ${reward.after.toFixed(4)} |

The prompts with the largest gain in reward:

${comparisonToMarkdown(comparison.slice(0, SHOWN_ROWS))}
## Settings

\`\`\`json
${JSON.stringify(Object.fromEntries(settings), null, 2)}
\`\`\`
`;
}
