import type { PolicyToxicity } from "../evaluation/evaluate_policy.ts";
import type { SampleStatistics } from "../evaluation/statistics.ts";
import type { TrainConfig } from "../runs/settings/config.ts";
import { percentChange } from "../runs/folder/summary.ts";
import type { TrainHooks, TrainResult } from "../runs/loop/train.ts";
import { comparisonTable } from "./comparison_table.ts";
import { downloadScreen } from "./download_screen.ts";
import { formatDuration, Progress } from "./progress.ts";
import { print, terminal, unattended } from "./terminal.ts";

/** Rows of the comparison, and lines of each, that the end of a run shows. */
const SHOWN_ROWS = 3;
const SHOWN_LINES = 6;

/** What `temper train` shows while it trains, and at its end. */
export interface TrainingScreen extends TrainHooks {
  /** Shows what changed. */
  finish(result: TrainResult): void;
  /** Leaves the line of the progress bar, so that what follows starts on its own. */
  stop(): void;
}

/**
 * Shows a training run. With `json`, standard output gets the summary alone, and what people read
 * goes to standard error.
 */
export function trainingScreen(
  config: Pick<TrainConfig, "steps" | "progress">,
  { json }: { json: boolean },
): TrainingScreen {
  const out = unattended(terminal(json ? "stderr" : "stdout"));
  const say = (text: string) => out.write(`${text}\n\n`);
  let progress: Progress | null = null;
  let done = 0;
  const stop = () => {
    progress?.finish();
    progress = null;
  };
  return {
    ...downloadScreen(),
    info(text): void {
      if (progress) progress.log(text);
      else say(text);
    },
    stop,
    measured(when: "before" | "after", toxicity: PolicyToxicity): void {
      stop();
      if (when === "after") out.write("\n");
      say(toxicityLine(`toxicity ${when} training`, toxicity));
      if (when === "after") return;
      const interactive = out.interactive && config.progress;
      progress = new Progress({ total: config.steps, done, terminal: { ...out, interactive } });
    },
    resumed(step): void {
      done = step;
      say(step > 0 ? `resuming after step ${step}` : "no checkpoint: starting from the beginning");
    },
    stepped(step, stats): void {
      const figures = { reward: stats["ppo/mean_scores"], KL: stats["objective/kl"] };
      progress?.update({ step, figures });
    },
    finish({ directory, summary, comparison }: TrainResult): void {
      if (json) return print(JSON.stringify({ output: directory.path, ...summary }, null, 2));
      const { toxicity, reward, seconds } = summary;
      say(comparisonTable(comparison.slice(0, SHOWN_ROWS), out.width, SHOWN_LINES));
      const change = percentChange(toxicity.before.mean, toxicity.after.mean);
      const arrow = (before: number, after: number) => `${before.toFixed(4)} → ${after.toFixed(4)}`;
      out.write(
        `toxicity  ${arrow(toxicity.before.mean, toxicity.after.mean)}  ` +
          `(${change > 0 ? "+" : ""}${change.toFixed(1)} %, ${
            promptCount(toxicity.after.count)
          })\n` +
          `reward    ${arrow(reward.before, reward.after)}\n` +
          `time      ${formatDuration(seconds)}\n` +
          `results   ${directory.path}\n`,
      );
    },
  };
}

/** A measurement of toxicity as a line. */
export function toxicityLine(
  title: string,
  { mean, std, interval, count }: SampleStatistics,
): string {
  const [low, high] = interval.map((value) => value.toFixed(4));
  return `${title}: ${mean.toFixed(4)} ± ${std.toFixed(4)} (${promptCount(count)}, ` +
    `95 % confidence ${low} to ${high})`;
}

function promptCount(count: number): string {
  return count === 1 ? "1 prompt" : `${count} prompts`;
}
