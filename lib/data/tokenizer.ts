import { TOKENIZERS_VERSION } from "../packages/tokenizers.ts";
import { UserError } from "../errors.ts";
import type { JsonObject } from "../formats/hf_config.ts";
import { type ModelFiles, modelFiles } from "../formats/model_files.ts";
import { Sha256 } from "../platform/hash.ts";
import { withAddedTokens } from "./added_tokens.ts";
import { readByteLevelBpe } from "./byte_level_bpe.ts";
import { readSentencePiece, T5_TOKENS } from "./sentencepiece.ts";
import { type TokenEngine, tokenEngine } from "./token_engine.ts";
import { type SpecialTokenKey, tokenContent, tokenizerConfig } from "./tokenizer_config.ts";
import { withConfig } from "./tokenizer_json.ts";
import { readWordPiece } from "./word_piece.ts";

/** Options of {@linkcode Tokenizer.encode}. */
export interface EncodeOptions {
  /** Add the special tokens that the model expects. Default true. */
  addSpecialTokens?: boolean;
  /** Maximum number of ids, special tokens included. Default no limit. */
  maxLength?: number;
}

/**
 * Tokenizer of a model: text to ids and back as transformers does it, special tokens included.
 *
 * ```ts
 * const tokenizer = await Tokenizer.load("demo/tiny-flan-t5");
 * const ids = tokenizer.encode("Summarize this."); // ends with </s>
 * tokenizer.decode(ids, { skipSpecialTokens: true });
 * ```
 */
export class Tokenizer {
  /**
   * Id of the token that begins a text, such as RoBERTa's `<s>`; null where the tokenizer has none.
   */
  readonly bosTokenId: number | null;
  /** Id of the token that ends a text, `</s>`; null where the tokenizer has none. */
  readonly eosTokenId: number | null;
  /** Id of the padding token; null where the tokenizer has none. */
  readonly padTokenId: number | null;
  /** Id of text that the vocabulary lacks; null where the tokenizer has none. */
  readonly unkTokenId: number | null;
  /**
   * Maximum number of ids that the model takes, special tokens included; Infinity where no file
   * says.
   */
  readonly modelMaxLength: number;

  private readonly specialTokenCount: number;
  private readonly suffixLength: number;
  private readonly cutsLeft: boolean;
  /** Ids of a letter, behind which the texts of single tokens are taken. */
  private readonly letter: readonly number[];
  private readonly texts = new Map<number, string>();
  #fingerprint: string | null = null;

  private constructor(
    private readonly engine: TokenEngine,
    private readonly json: JsonObject,
    private readonly config: JsonObject,
    private readonly path: string,
  ) {
    this.bosTokenId = this.idOf(config, "bos_token");
    this.eosTokenId = this.idOf(config, "eos_token");
    this.padTokenId = this.idOf(config, "pad_token");
    this.unkTokenId = this.idOf(config, "unk_token");
    // transformers writes 1e30 for "no limit".
    const limit = config.model_max_length;
    this.modelMaxLength = typeof limit === "number" && limit < 1e9 ? limit : Infinity;
    this.cutsLeft = truncationSide(json, config) === "left";

    this.specialTokenCount = checkIds(engine.encode("", true)).length;
    const bare = engine.encode("a", false);
    const full = engine.encode("a", true);
    this.letter = bare;
    this.suffixLength = full.length - 1 - full.lastIndexOf(bare[bare.length - 1]);
  }

  /**
   * Reads a model's tokenizer.json, or where there is none its spiece.model (T5's SentencePiece)
   * or vocab.json and merges.txt (byte-level BPE of RoBERTa, GPT-2 or Qwen2), and the settings in
   * tokenizer_config.json and special_tokens_map.json.
   *
   * @param source a folder's path, or files
   * @throws UserError when there is none of these, or a file is broken.
   */
  static async load(source: string | ModelFiles): Promise<Tokenizer> {
    const files = modelFiles(source);
    const specialTokens = await files.json("special_tokens_map.json") ?? {};
    let config = await tokenizerConfig(files);
    const file = await files.json("tokenizer.json");
    const sentencePiece = file ? null : await readSentencePiece(files, config);
    if (sentencePiece) config = { ...T5_TOKENS, ...config };
    const json = file ?? sentencePiece ?? await readByteLevelBpe(files, config, specialTokens) ??
      await readWordPiece(files, config);
    if (!json) {
      const found = await files.has("tokenizer.model") ? "tokenizer.model alone" : "no tokenizer";
      throw new UserError(
        `${files.path} has ${found}: expected tokenizer.json, or spiece.model, or vocab.json and merges.txt, or vocab.txt`,
      );
    }
    const complete = await withAddedTokens(files, json, config);
    const end = tokenContent(
      { ...specialTokens, ...await files.json("tokenizer_config.json") }.eos_token,
    );
    try {
      const whole = withConfig(complete, config);
      const engine = await tokenEngine(whole, config);
      // Training would go on without the end of a response.
      if (end !== null && engine.idOf(end) === null) {
        throw new Error(
          `its vocabulary lacks the eos_token ${JSON.stringify(end)} of tokenizer_config.json or ` +
            "special_tokens_map.json",
        );
      }
      return new Tokenizer(engine, whole, config, files.path);
    } catch (error) {
      const path = file
        ? files.pathOf("tokenizer.json")
        : `what ${files.path} has beside its model`;
      throw new UserError(`${path} is not a tokenizer: ${(error as Error).message}`, {
        cause: error,
      });
    }
  }

  /**
   * SHA-256 of all that decides a text's ids: the files' content, in one form whichever they are,
   * and the version of the package that applies it.
   */
  get fingerprint(): string {
    return this.#fingerprint ??= new Sha256()
      .update(JSON.stringify([TOKENIZERS_VERSION, this.json, this.config])).hex();
  }

  /**
   * Encodes a text as ids, with the special tokens that its model expects (T5: `</s>` at the end;
   * RoBERTa: `<s>` and `</s>` around it).
   *
   * @param options.addSpecialTokens add the special tokens. Default true; false for a text that has
   * them already, such as a chat template's
   * @param options.maxLength maximum number of ids, special tokens included: the text's end is
   * cut, or its beginning if the files' `truncation_side` is "left"; the special tokens stay.
   */
  encode(
    text: string,
    { addSpecialTokens = true, maxLength = Infinity }: EncodeOptions = {},
  ): number[] {
    const ids = this.guard(() => checkIds(this.engine.encode(text, addSpecialTokens)));
    if (ids.length <= maxLength) return ids;
    if (!addSpecialTokens) return this.cut(ids, maxLength, 0, 0);
    if (maxLength < this.specialTokenCount) {
      throw new UserError(
        `a maximum of ${maxLength} tokens leaves no room for the ${this.specialTokenCount} special tokens`,
      );
    }
    const prefix = this.specialTokenCount - this.suffixLength;
    return this.cut(ids, maxLength, prefix, this.suffixLength);
  }

  /** Cuts ids down to a length, but not those before and after the text. */
  private cut(ids: readonly number[], length: number, prefix: number, suffix: number): number[] {
    const kept = this.cutsLeft ? prefix : length - suffix;
    return [...ids.slice(0, kept), ...ids.slice(ids.length - (length - kept))];
  }

  /**
   * Decodes ids. Ids beyond the vocabulary (models round their embedding up) have no text.
   *
   * @param options.skipSpecialTokens leave out `</s>`, `<pad>` and the other special tokens.
   */
  decode(
    ids: readonly number[],
    { skipSpecialTokens = false }: { skipSpecialTokens?: boolean } = {},
  ): string {
    return this.guard(() => this.engine.decode(ids, skipSpecialTokens));
  }

  /**
   * Decodes each id as in the middle of a text, with the space before it where there is one:
   * joined, the texts are the result of `decode`, but for the text's edges and for letters that
   * are made of several tokens.
   */
  tokenTexts(ids: readonly number[]): string[] {
    return ids.map((id) => {
      let text = this.texts.get(id);
      if (text === undefined) {
        text = this.decode([...this.letter, id]).slice(this.decode(this.letter).length);
        this.texts.set(id, text);
      }
      return text;
    });
  }

  /** Uses the tokenizer. Some faults of its files show only then. */
  private guard<T>(use: () => T): T {
    try {
      return use();
    } catch (error) {
      throw new UserError(`the tokenizer in ${this.path} is broken: ${(error as Error).message}`, {
        cause: error,
      });
    }
  }

  /** Returns the id of a special token, null where there is none. */
  private idOf(config: JsonObject, key: SpecialTokenKey): number | null {
    const content = tokenContent(config[key]);
    return content === null ? null : this.engine.idOf(content);
  }
}

/**
 * Reads the side of a text that truncation cuts. As in transformers 4.52, tokenizer_config.json
 * overrides tokenizer.json.
 *
 * @throws {Error} when it is neither side
 */
function truncationSide(json: JsonObject, config: JsonObject): "left" | "right" {
  const { direction } = Object(json.truncation) as JsonObject;
  const side = config.truncation_side ?? (direction === "Left" ? "left" : "right");
  if (side === "left" || side === "right") return side;
  throw new Error(
    `its \`truncation_side\` is ${JSON.stringify(side)}, expected "left" or "right"`,
  );
}

/**
 * Checks the ids of a text, which are in the files as any values.
 *
 * @throws {Error} naming one that is none
 */
function checkIds(ids: number[]): number[] {
  const index = ids.findIndex((id) => !(Number.isInteger(id) && id >= 0 && id < 2 ** 31));
  if (index < 0) return ids;
  throw new Error(`one of its tokens has the id ${ids[index]}, expected a whole number from 0`);
}
