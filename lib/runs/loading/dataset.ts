import {
  type Dataset,
  type DatasetOptions,
  type DatasetSplit,
  type Example,
  loadDataset,
} from "../../data/dataset.ts";
import { TokenCache } from "../../data/token_cache.ts";
import type { Tokenizer } from "../../data/tokenizer.ts";
import type { DownloadHooks } from "../../hub/download.ts";
import { locate } from "./locate.ts";

/** Listeners for the loading of a dataset. */
export interface DatasetHooks extends DownloadHooks {
  /** Text for people, of one or more lines. */
  info?(text: string): void;
  /** Folder of the tokens that are kept. Default `datasets` in Temper's folder in the user's cache. */
  datasetCacheFolder?: string;
}

/** Settings of a dataset. */
export interface DatasetSettings extends DatasetOptions {
  /** A path, or a name on the Hub. */
  dataset: string;
  /** Take tokens from the cache, and keep them there. */
  datasetCache: boolean;
}

/** A run's dataset. The tokens that the run makes are cached when it ends, however it ends. */
export class RunDataset implements AsyncDisposable {
  private constructor(
    /** The dataset. */
    readonly dataset: Dataset,
    private readonly cache: TokenCache | null,
    private readonly hooks: DatasetHooks,
  ) {}

  /** Loads a run's dataset. @throws UserError when it is not there or not usable */
  static async load(
    settings: DatasetSettings,
    tokenizer: Tokenizer,
    hooks: DatasetHooks,
  ): Promise<RunDataset> {
    const cache = settings.datasetCache
      ? new TokenCache({ folder: hooks.datasetCacheFolder })
      : null;
    const path = await locate("dataset", settings.dataset, hooks);
    return new RunDataset(await loadDataset(path, tokenizer, { ...settings, cache }), cache, hooks);
  }

  /** Reports which of the splits used so far came from the cache, and what was wrong there. */
  reportCache(): void {
    for (const notice of this.cache?.notices() ?? []) this.hooks.info?.(notice);
  }

  /** Caches the tokens. Never throws. */
  async [Symbol.asyncDispose](): Promise<void> {
    await this.cache?.save();
    this.reportCache();
  }
}

/** Reads the first examples of a split, at most `count`. */
export function firstExamples(split: DatasetSplit, count: number): Example[] {
  const length = Math.min(count, split.length);
  return Array.from({ length }, (_, index) => split.example(index));
}
