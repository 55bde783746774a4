import {
  type ComparedPair,
  type PromptComparison,
  readComparison,
  readPairs,
  type ReadText,
} from "../../shared/comparison.ts";
import { dialogueOf } from "../../shared/dialogue.ts";
import { parseObject, rowsIn } from "../../shared/json_rows.ts";

/** Lines about a model before training and after it; null for what was not measured. */
export type Measured = Readonly<Record<"before" | "after", string | null>>;

/** Facts in a run's files, beside its steps. */
export interface RunFiles {
  /** Settings in its `config.json`. */
  readonly settings: Readonly<Record<string, unknown>>;
  readonly measured: Measured;
  /** The same prompts before and after; null until they are compared. */
  readonly comparison: PromptComparison | null;
  /** Pairs of a reward model before and after; empty until they are compared. */
  readonly pairs: readonly ComparedPair[];
  /** Folder of what was trained; null until it is there. */
  readonly trained: "adapter" | "model" | null;
  /** Prompt of the run; empty until there is one. */
  readonly prompt: string;
}

/** Nothing yet. */
export const NO_FILES: RunFiles = {
  settings: {},
  measured: { before: null, after: null },
  comparison: null,
  pairs: [],
  trained: null,
  prompt: "",
};

/** Reads the texts in a run's folder, without those in its subfolders. */
export async function textsIn(
  files: readonly { path: string; body: Blob }[],
): Promise<ReadText> {
  const texts = files.filter(({ path }) => /^[^/]+\.(csv|jsonl?|txt)$/.test(path))
    .map(async ({ path, body }) => [path, await body.text()] as const);
  const byName = new Map(await Promise.all(texts));
  return (file) => byName.get(file) ?? null;
}

/** Reads what a run's files say of it. */
export function readRunFiles(read: ReadText, paths: readonly string[]): RunFiles {
  const settings = parseObject(read("config.json") ?? "") ?? {};
  const pairs = readPairs(read);
  const comparison = pairs.length > 0 ? null : readComparison(read);
  const isTemplated = typeof settings.prompt === "string";
  const compared = comparison?.rows[0]?.query;
  const sampled = rowsIn(read("samples.jsonl") ?? "").at(-1)?.query;
  // Without a template, samples have the prompts of the dataset as they are there.
  const prompt = isTemplated ? compared ?? sampled : sampled ?? compared;
  const log = read("log.txt") ?? "";
  return {
    settings,
    measured: { before: measuredIn(log, "before"), after: measuredIn(log, "after") },
    comparison,
    pairs,
    trained:
      (["adapter", "model"] as const).find((folder) =>
        paths.some((path) => path.startsWith(`${folder}/`))
      ) ?? null,
    prompt: String(prompt ?? ""),
  };
}

/** Line about the model before or after training without these words, which are its label. */
export function measuredText(line: string, when: keyof Measured): string {
  return line.replace(`${when} training: `, "");
}

function measuredIn(log: string, when: keyof Measured): string | null {
  const line = log.split("\n").findLast((line) => line.includes(`${when} training: `));
  // Behind the time.
  return line === undefined ? null : measuredText(line.replace(/^\S+ +/, ""), when);
}

/** Text to put into a run's template for a prompt of it, as a person would type it. */
export function textOf({ settings, prompt }: Pick<RunFiles, "settings" | "prompt">): string {
  return typeof settings.prompt === "string"
    ? dialogueOf(prompt, settings.prompt)
    : prompt.replace(/<\/s>$/, "");
}
