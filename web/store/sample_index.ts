import { createHash } from "node:crypto";
import type { Sample, SamplesPage, SamplesQuery, SampleToken } from "../shared/samples.ts";
import { type Line, LineFollower, parseObject, readLineAt } from "./json_lines.ts";

/** Number of samples on a page. */
export const SAMPLES_PER_PAGE = 20;

/** A sample in memory: its place in the file, and the values it is found and sorted by. */
interface Entry extends Omit<Line, "text"> {
  step: number;
  reward: number;
  kl: number;
  /** Length of the response in tokens. */
  tokens: number;
  prompt: string;
}

/** Index of the samples in a run's `samples.jsonl`, without their texts in memory. */
export class SampleIndex {
  readonly #path: string;
  readonly #follower: LineFollower;
  #entries: Entry[] = [];
  #reading: Promise<void> | null = null;

  /** Reads nothing yet. */
  constructor(path: string) {
    this.#path = path;
    this.#follower = new LineFollower(path);
  }

  /** Reads rows added since the last call; calls at the same time share one reading. */
  update(): Promise<void> {
    return this.#reading ??= this.#follower.read(
      (lines) => {
        for (const line of lines) this.#append(line);
      },
      () => this.#entries = [],
    ).finally(() => this.#reading = null);
  }

  /** Finds the page of samples that a query asks for. */
  async find(query: SamplesQuery): Promise<SamplesPage> {
    let found = this.#entries.filter((entry) =>
      (query.step === null || entry.step === query.step) &&
      (query.prompt === "" || entry.prompt === query.prompt)
    );
    if (query.search !== "") found = await this.#matching(found, query.search);
    const key = query.sort === "length" ? "tokens" : query.sort;
    const sign = query.descending ? -1 : 1;
    found.sort((a, b) => sign * (a[key] - b[key]));
    const pages = Math.max(1, Math.ceil(found.length / SAMPLES_PER_PAGE));
    const page = Math.min(Math.max(1, query.page), pages);
    const shown = found.slice((page - 1) * SAMPLES_PER_PAGE, page * SAMPLES_PER_PAGE);
    return {
      samples: await this.#read(shown),
      total: found.length,
      page,
      pages,
      steps: { first: this.#entries[0]?.step ?? 0, last: this.#entries.at(-1)?.step ?? 0 },
    };
  }

  /** Reads the last responses to a prompt, at most `limit`, in the order of the steps. */
  async history(prompt: string, limit: number): Promise<Sample[]> {
    return await this.#read(this.#entries.filter((entry) => entry.prompt === prompt).slice(-limit));
  }

  /** Counts the samples of each of these prompts. */
  countsOf(prompts: readonly string[]): Record<string, number> {
    const counts: Record<string, number> = Object.fromEntries(prompts.map((prompt) => [prompt, 0]));
    for (const { prompt } of this.#entries) if (prompt in counts) counts[prompt]++;
    return counts;
  }

  #append(line: Line): void {
    const row = parseObject(line.text);
    const { step, query } = row ?? {};
    if (row === null || typeof step !== "number" || typeof query !== "string") return;
    // A resumed run repeats the steps after its checkpoint.
    if (step < (this.#entries.at(-1)?.step ?? 0)) {
      this.#entries = this.#entries.filter((entry) => entry.step < step);
    }
    const { offset, length } = line;
    const [reward, kl, tokens] = [row.reward, row.kl, row.length].map(Number);
    this.#entries.push({ offset, length, step, reward, kl, tokens, prompt: promptKey(query) });
  }

  /** Finds the entries with a text in their prompt or response, in upper or lower case. */
  async #matching(entries: readonly Entry[], search: string): Promise<Entry[]> {
    const wanted = search.toLowerCase();
    const byOffset = new Map(entries.map((entry) => [entry.offset, entry]));
    const found: Entry[] = [];
    await new LineFollower(this.#path).read((lines) => {
      for (const { offset, text } of lines) {
        const entry = byOffset.get(offset);
        if (!entry) continue;
        const { query, response } = parseObject(text) ?? {};
        if (`${query}\n${response}`.toLowerCase().includes(wanted)) found.push(entry);
      }
    }, () => {});
    return found;
  }

  async #read(entries: readonly Entry[]): Promise<Sample[]> {
    const samples: Sample[] = [];
    for (const entry of entries) {
      const row = parseObject(await readLineAt(this.#path, entry));
      if (row) samples.push(sampleOf(row, entry));
    }
    return samples;
  }
}

function sampleOf(
  row: Record<string, unknown>,
  { step, reward, kl, tokens, prompt }: Entry,
): Sample {
  // A reward that did not apply to the response is null.
  const rewards = Object.entries(Object(row.rewards)).filter(([, value]) =>
    typeof value === "number"
  );
  return {
    step,
    reward,
    kl,
    advantage: typeof row.advantage === "number" ? row.advantage : NaN,
    length: tokens,
    prompt,
    query: String(row.query),
    response: String(row.response),
    rewards: Object.fromEntries(rewards) as Record<string, number>,
    ...tokensOf(row),
  };
}

function tokensOf({ tokens, logRatios }: Record<string, unknown>): { tokens?: SampleToken[] } {
  if (!Array.isArray(tokens) || !Array.isArray(logRatios)) return {};
  return {
    tokens: tokens.map((text, i) => ({ text: String(text), logRatio: Number(logRatios[i]) })),
  };
}

/** Hashes the text of a prompt to a short name. */
function promptKey(query: string): string {
  return createHash("sha1").update(query).digest("hex").slice(0, 12);
}
