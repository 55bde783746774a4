import settings from "../../deno.json" with { type: "json" };
import { Sha256 } from "../platform/hash.ts";
import type { TokenCache } from "./token_cache.ts";
import type { StoredTokens } from "./token_entry.ts";
import type { Tokenizer } from "./tokenizer.ts";

/**
 * Version of the format, raised whenever {@linkcode Tokenizer.encode} or an entry's format changes
 * within a version of Temper.
 */
const FORMAT = 3;

/** Options of tokenizing texts. */
export interface TokenizedTextsOptions {
  /** Name for messages: `train prompts`. */
  name: string;
  /** Maximum number of tokens of a text, special tokens included. Default no limit. */
  maxLength?: number;
  /** Add the special tokens that the model expects. Default true. */
  addSpecialTokens?: boolean;
  /** Cache of tokens, in which its `save` keeps new ones. Default none. */
  cache?: TokenCache | null;
}

/** Texts with their tokens, which are made when they are first used and kept in memory. */
export class TokenizedTexts {
  /** Name for messages. */
  readonly name: string;
  /** Number of texts tokenized here, which the cache did not have. */
  added = 0;

  readonly #options: { maxLength: number; addSpecialTokens: boolean };
  readonly #ids: (number[] | undefined)[] = [];
  readonly #stored: StoredTokens | null;
  #key: string | null = null;

  /** Takes the tokens that the cache has. */
  constructor(
    private readonly texts: readonly string[],
    private readonly tokenizer: Tokenizer,
    { name, maxLength = Infinity, addSpecialTokens = true, cache = null }: TokenizedTextsOptions,
  ) {
    this.name = name;
    this.#options = { maxLength, addSpecialTokens };
    this.#stored = cache?.open(this) ?? null;
  }

  /** Number of texts. */
  get length(): number {
    return this.texts.length;
  }

  /**
   * SHA-256 of all that the tokens depend on: every text, in order (and so the files they are from,
   * the columns, filter, template and split), the options, the tokenizer's files, and the version of
   * what applies them.
   */
  get key(): string {
    if (this.#key !== null) return this.#key;
    const hash = new Sha256();
    const { fingerprint } = this.tokenizer;
    hash.update(JSON.stringify([FORMAT, settings.version, fingerprint, this.#options]));
    for (const text of this.texts) {
      // With its length first, a text cannot run into the next one. UTF-8 has no lone surrogates, which
      // JSON escapes; it takes three times as long.
      hash.update(text.isWellFormed() ? `${text.length} ${text}` : JSON.stringify(text));
    }
    return this.#key = hash.hex();
  }

  /** Returns a text. */
  text(index: number): string {
    return this.texts[index];
  }

  /** Returns a text's tokens, special tokens included. */
  ids(index: number): number[] {
    return this.#ids[index] ??= this.#stored?.ids(index) ?? this.#tokenize(index);
  }

  /** Returns a text's tokens where they are known already, else undefined. */
  known(index: number): number[] | undefined {
    return this.#ids[index] ?? this.#stored?.ids(index);
  }

  #tokenize(index: number): number[] {
    this.added++;
    return this.tokenizer.encode(this.texts[index], this.#options);
  }
}
