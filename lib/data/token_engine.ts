import { assetUrl } from "../../assets.ts";
import type { JsonObject } from "../formats/hf_config.ts";
import { LimitedThread } from "../platform/limited_thread.ts";
import { Tokenizer as HuggingFaceTokenizer } from "../packages/tokenizers.ts";
import { checkGrowth, isLinear } from "./linear_tokenizer.ts";
import { correctSteps } from "./tokenizer_faults.ts";
import { isBpe } from "./tokenizer_json.ts";

/** Conversion of text into ids and back, by the content of tokenizer.json and tokenizer_config.json. */
export interface TokenEngine {
  /** Encodes a text, with or without special tokens. */
  encode(text: string, specialTokens: boolean): number[];
  /** Decodes ids, of which unknown ones have no text. */
  decode(ids: readonly number[], skipSpecialTokens: boolean): string;
  /** Returns the id of a token, null where there is none. */
  idOf(token: string): number | null;
}

/**
 * Makes the engine: in this thread where its work is linear in the text, else in one with limits of
 * time and memory.
 *
 * @throws Error when the content is not a tokenizer
 */
export async function tokenEngine(json: JsonObject, config: JsonObject): Promise<TokenEngine> {
  if (isLinear(json)) return new DirectEngine(json, config);
  checkGrowth(json);
  return await LimitedEngine.start(json, config);
}

/** Engine in this thread. */
export class DirectEngine implements TokenEngine {
  readonly #tokenizer: HuggingFaceTokenizer;

  /** Builds it. @throws Error when the content is not a tokenizer */
  constructor(json: JsonObject, config: JsonObject) {
    this.#tokenizer = new HuggingFaceTokenizer(json, {
      ...config,
      // transformers' default since 4.45, which BPE tokenizers are held to; the older tokenizers of
      // encoders and T5 were made for the default before.
      clean_up_tokenization_spaces: config.clean_up_tokenization_spaces ??
        !isBpe(Object(json.model)),
    });
    correctSteps(this.#tokenizer, json);
  }

  encode(text: string, specialTokens: boolean): number[] {
    return this.#tokenizer.encode(text, { add_special_tokens: specialTokens }).ids;
  }

  decode(ids: readonly number[], skipSpecialTokens: boolean): string {
    const known = ids.filter((id) => this.#tokenizer.id_to_token(id) !== undefined);
    if (known.length === 0) return "";
    return this.#tokenizer.decode(known, { skip_special_tokens: skipSpecialTokens });
  }

  idOf(token: string): number | null {
    return this.#tokenizer.token_to_id(token) ?? null;
  }
}

/** Call of an engine in a thread; the first one builds it. */
export type TokenizerRequest =
  | { json: JsonObject; config: JsonObject }
  | { text: string; flag: boolean }
  | { ids: readonly number[]; flag: boolean }
  | { token: string };

/** Seconds that a text may take, and another for every so many characters. */
const SECONDS = 10;
const CHARACTERS_PER_SECOND = 50_000;

/** Engine in a thread of its own, which ends when a text takes too long. */
class LimitedEngine implements TokenEngine {
  private constructor(private readonly thread: LimitedThread) {}

  static async start(json: JsonObject, config: JsonObject): Promise<LimitedEngine> {
    const thread = await LimitedThread.start(assetUrl("lib/data/tokenizer_thread.ts"));
    const engine = new LimitedEngine(thread);
    try {
      engine.#call({ json, config }, JSON.stringify(json).length);
    } catch (error) {
      thread.close();
      throw error;
    }
    return engine;
  }

  encode(text: string, specialTokens: boolean): number[] {
    return this.#call({ text, flag: specialTokens }, text.length) as number[];
  }

  decode(ids: readonly number[], skipSpecialTokens: boolean): string {
    return this.#call({ ids, flag: skipSpecialTokens }, ids.length) as string;
  }

  idOf(token: string): number | null {
    return this.#call({ token }, token.length) as number | null;
  }

  #call(request: TokenizerRequest, length: number): unknown {
    const seconds = SECONDS + length / CHARACTERS_PER_SECOND;
    // Steps cannot multiply a text much, so that memory need not be watched: others take it as well.
    return this.thread.callSync(request, { seconds });
  }
}
