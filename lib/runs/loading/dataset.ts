import { type Dataset, type DatasetOptions, loadDataset } from "../../data/dataset.ts";
import { TokenCache } from "../../data/token_cache.ts";
import type { Tokenizer } from "../../data/tokenizer.ts";
import type { DownloadHooks } from "../../hub/download.ts";
import { locate } from "./locate.ts";

/** What is told of a dataset. */
export interface DatasetHooks extends DownloadHooks {
  /** Something to read, of one or more lines. */
  info?(text: string): void;
  /** Folder of the tokens that are kept. Default `datasets` in Temper's folder in the user's cache. */
  datasetCacheFolder?: string;
}

/** The settings that a dataset is loaded by. */
export interface DatasetSettings extends DatasetOptions {
  /** A path, or a name on the Hub. */
  dataset: string;
  /** Whether tokens are taken from the cache, and kept there. */
  datasetCache: boolean;
}

/** A run's dataset. What the run tokenizes of it is kept at its end, however it ends. */
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

  /** Tells what of the splits that were used up to now came from the cache, and what was wrong there. */
  tellCached(): void {
    for (const notice of this.cache?.notices() ?? []) this.hooks.info?.(notice);
  }

  /** Keeps the tokens. Never throws. */
  async [Symbol.asyncDispose](): Promise<void> {
    await this.cache?.save();
    this.tellCached();
  }
}
