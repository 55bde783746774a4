import {
  type Dataset,
  type DatasetOptions,
  type DatasetSplit,
  type Example,
  loadDataset,
} from "../../data/dataset.ts";
import { ChatTemplate } from "../../data/chat_template.ts";
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
  /** Model with the chat template: a folder, or a name on the Hub. */
  model: string;
  /** File with another chat template; null for the model's own. */
  chatTemplate: string | null;
  /** Take tokens from the cache, and keep them there. */
  datasetCache: boolean;
}

/** A run's dataset. The tokens that the run makes are cached when it ends, however it ends. */
export class RunDataset implements AsyncDisposable {
  private constructor(
    /** The dataset. */
    readonly dataset: Dataset,
    private readonly cache: TokenCache | null,
    private readonly template: ChatTemplate | null,
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
    let template: ChatTemplate | null = null;
    const loadTemplate = async () => {
      const model = await locate("model", settings.model, hooks);
      return template = await ChatTemplate.load(model, { file: settings.chatTemplate });
    };
    const options = { ...settings, template: loadTemplate, cache };
    try {
      const dataset = await loadDataset(path, tokenizer, options);
      if (dataset.filterNotice !== null) hooks.info?.(dataset.filterNotice);
      return new RunDataset(dataset, cache, template, hooks);
    } catch (error) {
      // TypeScript does not see that loading the dataset loads it.
      (template as ChatTemplate | null)?.close();
      throw error;
    }
  }

  /** Loads a run's dataset, which is closed if the run cannot start. @throws UserError as {@linkcode load} */
  static async loadFor(
    { hooks, loading }: { readonly hooks: DatasetHooks; readonly loading: AsyncDisposableStack },
    settings: DatasetSettings,
    tokenizer: Tokenizer,
  ): Promise<RunDataset> {
    const data = await RunDataset.load(settings, tokenizer, hooks);
    // Without lines: the error that follows says why the run does not start.
    return loading.adopt(data, (data) => data.#close());
  }

  /** Reports which of the splits used so far came from the cache, and what was wrong there. */
  reportCache(): void {
    for (const notice of this.cache?.notices() ?? []) this.hooks.info?.(notice);
  }

  /** Caches the tokens. Never throws. */
  async [Symbol.asyncDispose](): Promise<void> {
    await this.#close();
    this.reportCache();
  }

  async #close(): Promise<void> {
    this.template?.close();
    await this.cache?.save();
  }
}

/** Share of a prompt's tokens beyond which the model cannot be said to read it. */
const MANY_UNKNOWN = 0.03;

/**
 * Describes in one line that many tokens of some prompts stand for what the tokenizer does not know;
 * null where they are few.
 */
export function unknownTokensNotice(
  examples: readonly Pick<Example, "inputIds">[],
  { unkTokenId }: Pick<Tokenizer, "unkTokenId">,
): string | null {
  const ids = examples.flatMap(({ inputIds }) => inputIds);
  const unknown = ids.filter((id) => id === unkTokenId).length;
  if (unkTokenId === null || unknown <= MANY_UNKNOWN * ids.length) return null;
  const percent = Math.round(100 * unknown / ids.length);
  return `warning: ${percent} % of the tokens of ${examples.length} prompts are unknown to the ` +
    "tokenizer (<unk>): the model cannot read these words or letters";
}

/** Reads the first examples of a split, at most `count`. */
export function firstExamples(split: DatasetSplit, count: number): Example[] {
  const length = Math.min(count, split.length);
  return Array.from({ length }, (_, index) => split.example(index));
}
