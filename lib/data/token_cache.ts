import { UserError } from "../errors.ts";
import { cacheDirectory } from "../platform/cache_directory.ts";
import {
  fileInfo,
  isNotFound,
  listFolder,
  makeFolder,
  removeFile,
  touch,
} from "../platform/files.ts";
import { ioReason } from "../platform/io_error.ts";
import { join } from "../platform/paths.ts";
import { readTokens, type StoredTokens, writeTokens } from "./token_entry.ts";

/** Texts whose tokens a cache keeps. */
export interface CachedTexts {
  /** Name of the texts, for messages. */
  readonly name: string;
  /** Key of all that the tokens depend on, 64 hexadecimal digits. */
  readonly key: string;
  /** Number of texts. */
  readonly length: number;
  /** Number of texts tokenized so far that were not in the cache. */
  readonly added: number;
  /** Tokens of a text, undefined where it has not been tokenized. */
  known(index: number): number[] | undefined;
}

/** Place and maximum size of a cache. */
export interface TokenCacheOptions {
  /** Folder of the entries. Default `datasets` in Temper's folder in the user's cache. */
  folder?: string;
  /** Maximum number of bytes of all entries. Default 256 MiB. */
  maxBytes?: number;
}

/** Default maximum number of bytes of all entries: all of DialogSum takes about 8 MB. */
const MAX_BYTES = 256 * 2 ** 20;
const ENTRY = /^[0-9a-f]{64}\.safetensors$/;
/** Name of a file that {@linkcode writeTokens} leaves when its process is killed. */
const TEMPORARY = /^\.[0-9a-f]{64}\.safetensors\..+\.tmp$/;
/** Age in milliseconds from which on nobody writes to such a file any more. */
const TEMPORARY_AGE = 60 * 60 * 1000;

/**
 * Tokens of texts on the disk, so that a later run on the same texts with the same tokenizer need
 * not make them again. Each list of texts has an entry, under a key of all that its tokens depend
 * on ({@linkcode CachedTexts.key}), with the tokens that runs have used so far.
 *
 * A fault never stops a run: tokens that cannot be read are made again, tokens that cannot be
 * written are not kept, and {@linkcode notices} says so. Entries appear whole, so that several
 * processes can share the folder; beyond `maxBytes`, the least recently used ones are deleted.
 *
 * ```ts
 * const cache = new TokenCache();
 * const dataset = await loadDataset("dialogues.csv", tokenizer, { cache });
 * const { inputIds } = dataset.split("train").example(0);
 * await cache.save();
 * ```
 */
export class TokenCache {
  #folder: string | null;
  readonly #maxBytes: number;
  readonly #opened: CachedTexts[] = [];
  #found: string[] = [];
  #notices: string[] = [];

  /** Names the folder, which is made when something is saved. */
  constructor({ folder, maxBytes = MAX_BYTES }: TokenCacheOptions = {}) {
    this.#folder = folder ?? null;
    this.#maxBytes = maxBytes;
  }

  /**
   * Returns the cached tokens of some texts, null for none. From now on {@linkcode save} keeps
   * theirs.
   */
  open(texts: CachedTexts): StoredTokens | null {
    this.#opened.push(texts);
    let stored: StoredTokens | null;
    try {
      stored = this.#read(texts);
    } catch (error) {
      this.#notices.push(`tokens in the cache are made anew: ${(error as Error).message}`);
      return null;
    }
    if (stored === null) return null;
    this.#found.push(`${stored.count} of ${texts.length} ${texts.name}`);
    try {
      touch(this.#path(texts));
    } catch {
      // A cache that may only be read has no order in which entries would go.
    }
    return stored;
  }

  /**
   * Adds the tokens made since the texts were opened to their entries. Never throws.
   */
  async save(): Promise<void> {
    const grown = this.#opened.filter((texts) => texts.added > 0);
    if (grown.length === 0) return;
    const written = new Set<string>();
    try {
      const folder = this.#place();
      await makeFolder(folder);
      for (const texts of grown) {
        const stored = this.#readAgain(texts);
        const ids = Array.from(
          { length: texts.length },
          (_, index) => texts.known(index) ?? stored?.ids(index),
        );
        await writeTokens(this.#path(texts), texts.key, ids);
        written.add(`${texts.key}.safetensors`);
      }
      await this.#prune(folder, written);
    } catch (error) {
      const why = error instanceof UserError ? error.message : ioReason(error);
      const where = this.#folder === null ? "" : ` ${this.#folder}`;
      this.#notices.push(`tokens are not kept in the cache${where}: ${why}`);
    }
  }

  /**
   * Returns lines for the user since the last call: tokens that came from the cache, and faults.
   */
  notices(): string[] {
    const found = this.#found.length === 0
      ? []
      : [`tokens from the cache ${this.#folder}: ${this.#found.join(", ")}`];
    const notices = [...found, ...this.#notices];
    this.#found = [];
    this.#notices = [];
    return notices;
  }

  /** Returns the folder. @throws where the program may not know the user's folders */
  #place(): string {
    return this.#folder ??= join(cacheDirectory(), "datasets");
  }

  #path({ key }: CachedTexts): string {
    return join(this.#place(), `${key}.safetensors`);
  }

  /** Reads an entry, null where there is none. @throws when it is not usable */
  #read(texts: CachedTexts): StoredTokens | null {
    try {
      return readTokens(this.#path(texts), texts.key, texts.length);
    } catch (error) {
      if (isNotFound((error as Error).cause)) return null;
      throw error;
    }
  }

  /** Reads what other processes have added meanwhile; an unusable entry is written over. */
  #readAgain(texts: CachedTexts): StoredTokens | null {
    try {
      return this.#read(texts);
    } catch {
      return null;
    }
  }

  /** Deletes the least recently used entries until the rest has room, but none of `keep`. */
  async #prune(folder: string, keep: ReadonlySet<string>): Promise<void> {
    const entries: { path: string; size: number; used: number; keep: boolean }[] = [];
    try {
      for (const { name } of await listFolder(folder)) {
        const path = join(folder, name);
        const { size, modified } = await fileInfo(path).catch(() => ({ size: 0, modified: null }));
        const used = modified ?? 0;
        if (ENTRY.test(name)) entries.push({ path, size, used, keep: keep.has(name) });
        else if (TEMPORARY.test(name) && used < Date.now() - TEMPORARY_AGE) await remove(path);
      }
    } catch {
      // The folder is not there, or may not be listed: then nothing was added to it either.
    }
    let total = entries.reduce((sum, { size }) => sum + size, 0);
    entries.sort((a, b) => Number(a.keep) - Number(b.keep) || a.used - b.used);
    for (const { path, size } of entries) {
      if (total <= this.#maxBytes) break;
      await remove(path);
      total -= size;
    }
  }
}

async function remove(path: string): Promise<void> {
  try {
    await removeFile(path);
  } catch {
    // Another process was faster, or it may not be deleted; the next save tries again.
  }
}
