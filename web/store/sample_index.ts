import { createHash } from "node:crypto";
import {
  numberIn,
  type Sample,
  sampleOf,
  type SampleSet,
  type SamplesPage,
  type SamplesQuery,
} from "../shared/samples.ts";
import { parseObject } from "../shared/json_rows.ts";
import { type Line, LineFollower, readLineAt } from "./json_lines.ts";

/** Number of samples on a page, where each is seen by itself. */
export const SAMPLES_PER_PAGE = 20;
/** Minimum number of sets on a page, however large they are. */
const SETS_PER_PAGE = 4;

/** A sample in memory: its place in the file, and the values it is found and sorted by. */
interface Entry extends Omit<Line, "text"> {
  step: number;
  reward: number;
  kl: number;
  /** Length of the response in tokens. */
  tokens: number;
  prompt: string;
  /** Name of its set: equal for the samples that are seen together. */
  set: string;
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

  /** Finds the page of samples that a query asks for; a set is sorted by its foremost sample. */
  async find(query: SamplesQuery): Promise<SamplesPage> {
    const candidates = this.#entries.filter((entry) =>
      (query.step === null || entry.step === query.step) &&
      (query.prompt === "" || entry.prompt === query.prompt)
    );
    const matching = query.search === ""
      ? candidates
      : await this.#matching(candidates, query.search);
    const named = new Set(matching.map(({ set }) => set));
    const sets = setsOf(candidates.filter(({ set }) => named.has(set)));
    const key = query.sort === "length" ? "tokens" : query.sort;
    const sign = query.descending ? -1 : 1;
    const foremost = new Map(sets.map((set) => [set, Math.min(...placesOf(set, key, sign))]));
    sets.sort((a, b) => foremost.get(a)! - foremost.get(b)! || 0);
    const largest = sets.reduce((size, set) => Math.max(size, set.length), 1);
    const perPage = Math.max(SETS_PER_PAGE, Math.floor(SAMPLES_PER_PAGE / largest));
    const pages = Math.max(1, Math.ceil(sets.length / perPage));
    const page = Math.min(Math.max(1, query.page), pages);
    return {
      sets: await this.#read(sets.slice((page - 1) * perPage, page * perPage)),
      total: sets.reduce((sum, { length }) => sum + length, 0),
      totalSets: sets.length,
      page,
      pages,
      steps: { first: this.#entries[0]?.step ?? 0, last: this.#entries.at(-1)?.step ?? 0 },
    };
  }

  /** Reads the last sets of a prompt, of at most `limit` samples, in the order of the steps. */
  async history(prompt: string, limit: number): Promise<SampleSet[]> {
    const sets = setsOf(this.#entries.filter((entry) => entry.prompt === prompt));
    let from = sets.length;
    for (let samples = 0; from > 0; from--) {
      samples += sets[from - 1].length;
      if (samples > limit && from < sets.length) break;
    }
    return await this.#read(sets.slice(from));
  }

  /** Counts the sets of each of these prompts. */
  countsOf(prompts: readonly string[]): Record<string, number> {
    const sets = new Map(prompts.map((prompt) => [prompt, new Set<string>()]));
    for (const { prompt, set } of this.#entries) sets.get(prompt)?.add(set);
    return Object.fromEntries(Array.from(sets, ([prompt, { size }]) => [prompt, size]));
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
    const [reward, kl, tokens] = [row.reward, row.kl, row.length].map(numberIn);
    const set = typeof row.group === "number" ? `${step} ${row.group}` : `at ${offset}`;
    this.#entries.push({ offset, length, step, reward, kl, tokens, prompt: promptKey(query), set });
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

  async #read(sets: readonly (readonly Entry[])[]): Promise<SampleSet[]> {
    const read: Sample[][] = [];
    for (const entries of sets) {
      const samples: Sample[] = [];
      for (const entry of entries) {
        const row = parseObject(await readLineAt(this.#path, entry));
        if (row) samples.push(sampleOf(row, entry.prompt));
      }
      if (samples.length > 0) read.push(samples);
    }
    return read;
  }
}

/** Entries by their sets, in the order of the file. */
function setsOf(entries: readonly Entry[]): Entry[][] {
  const sets = new Map<string, Entry[]>();
  for (const entry of entries) {
    const set = sets.get(entry.set);
    if (set) set.push(entry);
    else sets.set(entry.set, [entry]);
  }
  return [...sets.values()];
}

/** Values that the samples of a set are sorted by, ascending; a missing one comes last. */
function placesOf(
  set: readonly Entry[],
  key: "step" | "reward" | "kl" | "tokens",
  sign: number,
): number[] {
  return set.map((entry) => Number.isNaN(entry[key]) ? Infinity : sign * entry[key]);
}

/** Hashes the text of a prompt to a short name. */
function promptKey(query: string): string {
  return createHash("sha1").update(query).digest("hex").slice(0, 12);
}
