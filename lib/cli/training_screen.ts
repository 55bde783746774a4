import { basename, dirname } from "node:path";
import type { Change, RunKind, RunSettings } from "../runs/kinds/run_kind.ts";
import type { RunHooks, RunResult } from "../runs/loop/run.ts";
import { visibleLine } from "../visible_text.ts";
import { hasChatTemplate } from "../runs/loading/chat_template.ts";
import { DEMO_MODEL } from "../runs/settings/demo.ts";
import { comparisonTable } from "./comparison_table.ts";
import { downloadScreen } from "./download_screen.ts";
import { spellForCommand } from "./present.ts";
import { programCommand, shellWord } from "./program_command.ts";
import { formatDuration, Progress } from "./progress.ts";
import { print, terminal, unattended } from "./terminal.ts";

/** Rows of the comparison, and lines of each, that the end of a run shows. */
const SHOWN_ROWS = 3;
const SHOWN_LINES = 6;
/** Minimum number of columns of the names at the end. */
const NAME_WIDTH = 10;

/** View of a run of any kind while it trains, and of its results. */
export interface TrainingScreen extends RunHooks {
  /** Shows the results. */
  finish(result: RunResult): Promise<void>;
  /** Leaves the line of the progress bar, so that what follows starts on its own. */
  stop(): void;
}

/**
 * Shows a training run. With `json`, standard output gets the summary alone, and what people read
 * goes to standard error.
 */
export function trainingScreen(
  kind: Pick<RunKind, "headline" | "changes" | "scores" | "command" | "schema">,
  config: Pick<RunSettings, "progress" | "model" | "chatTemplate">,
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
      const spelled = spellForCommand(text, kind);
      if (progress) progress.log(spelled);
      else say(spelled);
    },
    stop,
    measured(when, _, line): void {
      stop();
      if (when === "after") out.write("\n");
      say(line);
    },
    begun(total): void {
      const interactive = out.interactive && config.progress;
      progress = new Progress({ total, done, terminal: { ...out, interactive } });
    },
    resumed(step): void {
      done = step;
      say(step > 0 ? `resuming after step ${step}` : "no checkpoint: starting from the beginning");
    },
    stepped(step, _, row): void {
      const figures = kind.headline.map(({ metric, label }) => [label, row[metric]] as const);
      progress?.update({
        step,
        figures: Object.fromEntries(
          figures.filter((figure): figure is [string, number] => typeof figure[1] === "number"),
        ),
      });
    },
    async finish({ directory, trained, summary, comparison }): Promise<void> {
      if (json) return print(JSON.stringify({ output: directory.path, ...summary }, null, 2));
      if (comparison.length > 0) {
        say(comparisonTable(comparison.slice(0, SHOWN_ROWS), out.width, SHOWN_LINES));
      }
      const { seconds } = summary as { seconds?: number };
      const lines = [
        ...kind.changes({ ...summary }).map((change) => [change.label, changeText(change)]),
        ...(seconds === undefined ? [] : [["time", formatDuration(seconds)]]),
        ["results", directory.path],
        ["trained", trained],
      ];
      const width = Math.max(NAME_WIDTH, ...lines.map(([name]) => name.length + 2));
      for (const [name, text] of lines) {
        out.write(`${name.padEnd(width)}${visibleLine(text)}\n`);
      }
      out.write("\n");
      const { chatTemplate = null } = config;
      const chats = chatTemplate !== null || await hasChatTemplate(config.model ?? DEMO_MODEL);
      const use = kind.scores ? "score" : chats ? "chat" : "prompt";
      const next = nextCommands(directory.path, trained, config.model, use, chatTemplate);
      for (const [name, text] of next) {
        out.write(`${name.padEnd(width)}${visibleLine(text)}\n`);
      }
    },
  };
}

/**
 * Next commands after a finished run: a name, and the line as the user has to type it.
 *
 * @param use what the result can be tried with: a chat, for a model with a chat template; a prompt; or for
 *   a reward model a text to score
 * @param chatTemplate file with the chat's template; null for the model's own
 */
export function nextCommands(
  run: string,
  trained: string,
  model: string = DEMO_MODEL,
  use: "chat" | "prompt" | "score" = "prompt",
  chatTemplate: string | null = null,
): [name: string, command: string][] {
  const program = programCommand();
  const isAdapter = basename(trained) === "adapter";
  const base = model === DEMO_MODEL ? "" : ` --model ${shellWord(model)}`;
  const option = isAdapter ? `${base} --adapter` : " --model";
  const runs = dirname(run);
  // A whole model has been saved with its template.
  const template = isAdapter && chatTemplate !== null
    ? ` --chat-template ${shellWord(chatTemplate)}`
    : "";
  const tries = {
    chat: `${program} generate --chat${option} ${shellWord(trained)}${template}`,
    prompt: `${program} generate${option} ${shellWord(trained)} < dialogue.txt`,
    score: `${program} score --model ${shellWord(trained)} TEXT`,
  };
  return [
    ["watch", `${program} ui${runs === "runs" ? "" : ` ${shellWord(runs)}`}`],
    ["try", tries[use]],
    ["publish", `${program} push ${shellWord(run)} ORG/NAME`],
  ];
}

/** A change as text: `0.6123 → 0.1040  (-83.0 %, 64 prompts)`. */
function changeText({ before, after, count }: Change): string {
  const arrow = `${before.toFixed(4)} → ${after.toFixed(4)}`;
  if (count === undefined) return arrow;
  const prompts = count === 1 ? "1 prompt" : `${count} prompts`;
  const percent = (after - before) / before * 100;
  // Of a number near zero, or below it, a percentage says nothing.
  if (before <= 0 || percent > 1000) return `${arrow}  (${prompts})`;
  return `${arrow}  (${percent > 0 ? "+" : ""}${percent.toFixed(1)} %, ${prompts})`;
}
