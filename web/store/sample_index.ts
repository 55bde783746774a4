import { createHash } from "node:crypto";
import type { Sample, SamplesPage, SamplesQuery, SampleToken } from "../shared/samples.ts";
import { type Line, LineFollower, parseObject, readLineAt } from "./json_lines.ts";

/** Samples of a page. */
export const SAMPLES_PER_PAGE = 20;

/** What is kept of a sample in memory: where it is, and what it is found and sorted by. */
interface Entry extends Omit<Line, "text"> {
  step: number;
  reward: number;
  kl: number;
  /** Tokens of the response. */
  tokens: number;
  prompt: string;
}

/** Finds samples in a run's `samples.jsonl` without holding their texts in memory. */
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

  /** Reads what the file has got since the last time; callers at the same time share one reading. */
  update(): Promise<void> {
    return this.#reading ??= this.#follower.read(
      (lines) => {
        for (const line of lines) this.#append(line);
      },
      () => this.#entries = [],
    ).finally(() => this.#reading = null);
  }

  /** The page of samples that a query asks for. */
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

  /** Everything that was said to a prompt, in the order of the steps, at most `most` of it. */
  async history(prompt: string, most: number): Promise<Sample[]> {
    return await this.#read(this.#entries.filter((entry) => entry.prompt === prompt).slice(-most));
  }

  /** How often each of these prompts was asked. */
  timesAsked(prompts: readonly string[]): Record<string, number> {
    const times: Record<string, number> = Object.fromEntries(prompts.map((prompt) => [prompt, 0]));
    for (const { prompt } of this.#entries) if (prompt in times) times[prompt]++;
    return times;
  }

  #append(line: Line): void {
    const row = parseObject(line.text);
    const { step, query } = row ?? {};
    if (row === null || typeof step !== "number" || typeof query !== "string") return;
    // A resumed run says the steps after its checkpoint again.
    if (step < (this.#entries.at(-1)?.step ?? 0)) {
      this.#entries = this.#entries.filter((entry) => entry.step < step);
    }
    const { offset, length } = line;
    const [reward, kl, tokens] = [row.reward, row.kl, row.length].map(Number);
    this.#entries.push({ offset, length, step, reward, kl, tokens, prompt: promptKey(query) });
  }

  /** The entries whose query or response has a text in it, wherever the letters' case differs. */
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
  const rewards = typeof row.rewards === "object" && row.rewards ? row.rewards : {};
  return {
    step,
    reward,
    kl,
    length: tokens,
    prompt,
    query: String(row.query),
    response: String(row.response),
    rewards: rewards as Record<string, number>,
    ...tokensOf(row),
  };
}

function tokensOf({ tokens, logRatios }: Record<string, unknown>): { tokens?: SampleToken[] } {
  if (!Array.isArray(tokens) || !Array.isArray(logRatios)) return {};
  return {
    tokens: tokens.map((text, i) => ({ text: String(text), logRatio: Number(logRatios[i]) })),
  };
}

/** Names a prompt: short, the same for the same text, and other texts have others. */
function promptKey(query: string): string {
  return createHash("sha1").update(query).digest("hex").slice(0, 12);
}
