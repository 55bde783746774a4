import { ROUGE_TYPES } from "../evaluation/rouge.ts";
import type { SftHooks, SftMeasurement, SftResult } from "../runs/loop/sft.ts";
import type { SftRunConfig } from "../runs/settings/sft_config.ts";
import { downloadScreen } from "./download_screen.ts";
import { formatDuration, Progress } from "./progress.ts";
import { print, terminal, unattended } from "./terminal.ts";

/** What `temper sft` shows while it trains, and at its end. */
export interface SftScreen extends SftHooks {
  /** Shows what changed. */
  finish(result: SftResult): void;
  /** Leaves the line of the progress bar, so that what follows starts on its own. */
  stop(): void;
}

/**
 * Shows a run of supervised fine-tuning. With `json`, standard output gets the summary alone, and what
 * people read goes to standard error.
 */
export function sftScreen(
  config: Pick<SftRunConfig, "progress">,
  { json }: { json: boolean },
): SftScreen {
  const out = unattended(terminal(json ? "stderr" : "stdout"));
  let progress: Progress | null = null;
  const stop = () => {
    progress?.finish();
    progress = null;
  };
  return {
    ...downloadScreen(),
    info: (text) => out.write(`${text}\n\n`),
    stop,
    measured(when: "before" | "after", { loss, rouge }: SftMeasurement, steps: number): void {
      stop();
      if (when === "after") return out.write("\n");
      const scores = ROUGE_TYPES.map((type) => `${type} ${rouge[type].toFixed(4)}`);
      out.write(`before training: loss ${loss.toFixed(4)}  ${scores.join("  ")}\n\n`);
      const interactive = out.interactive && config.progress;
      progress = new Progress({ total: steps, terminal: { ...out, interactive } });
    },
    stepped(step, { loss }): void {
      progress?.update({ step, figures: { loss } });
    },
    finish(result: SftResult): void {
      if (json) return print(JSON.stringify(result, null, 2));
      const { loss, rouge, seconds, trained } = result;
      const line = (name: string, before: number, after: number) =>
        out.write(`${name.padEnd(10)}${before.toFixed(4)} → ${after.toFixed(4)}\n`);
      line("loss", loss.before, loss.after);
      for (const type of ROUGE_TYPES) line(type, rouge.before[type], rouge.after[type]);
      out.write(`time      ${formatDuration(seconds)}\nresults   ${trained}\n`);
    },
  };
}
