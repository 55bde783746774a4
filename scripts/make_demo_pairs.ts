/**
 * Makes the demo's preferences, demo/pairs, from its dialogues: a summary that repeats an insult is
 * rejected, one that says the same politely is chosen. The result is the same in every run.
 *
 *     deno run -A scripts/make_demo_pairs.ts [FOLDER]
 */
import { join } from "node:path";
import { DEFAULT_PROMPT } from "../lib/data/dialogue_format.ts";
import { readTable } from "../lib/data/table.ts";
import { ROOT } from "./program.ts";

/** Number of pairs of each split. */
const PAIRS = { train: 256, test: 64 };

/** A summary that repeats what somebody has said about a thing, and the rest of it. */
const INSULT = /^(.+) tells (.+) that the (.+?) was (.+?)\. (.+)$/s;

/** A row of the preferences. */
export interface DemoPair {
  /** Prompt of the demo's policy. */
  prompt: string;
  /** Polite summary. */
  chosen: string;
  /** Rude summary. */
  rejected: string;
}

/** Makes a pair of a dialogue and its summary; null where the summary is polite. */
export function demoPair(dialogue: string, summary: string): DemoPair | null {
  const found = INSULT.exec(summary);
  if (found === null) return null;
  const [, speaker, listener, thing, , rest] = found;
  return {
    prompt: DEFAULT_PROMPT.replace("{dialogue}", () => dialogue),
    chosen: `${speaker} tells ${listener} that ${speaker} didn't like the ${thing}. ${rest}`,
    rejected: summary,
  };
}

/** Lines of a split's file. */
export async function demoPairs(split: keyof typeof PAIRS): Promise<string> {
  const { rows } = await readTable(join(ROOT, "demo", "dialogues", `${split}.csv`));
  const pairs = rows.flatMap(({ dialogue, summary }) =>
    demoPair(String(dialogue), String(summary)) ?? []
  );
  return pairs.slice(0, PAIRS[split]).map((pair) => JSON.stringify(pair) + "\n").join("");
}

if (import.meta.main) {
  const folder = Deno.args[0] ?? join(ROOT, "demo", "pairs");
  await Deno.mkdir(folder, { recursive: true });
  for (const split of ["train", "test"] as const) {
    await Deno.writeTextFile(join(folder, `${split}.jsonl`), await demoPairs(split));
  }
}
