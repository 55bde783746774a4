import { UserError } from "../errors.ts";
import type { JsonObject } from "../formats/hf_config.ts";
import type { ModelFiles } from "../formats/model_files.ts";
import { specialToken } from "./added_tokens.ts";
import { bytesOf, floatOf, parseProtobuf, textOf, uintOf } from "../formats/protobuf.ts";

/**
 * Parts of a SentencePiece model that a tokenizer needs (sentencepiece_model.proto of
 * google/sentencepiece).
 */
interface SentencePieceModel {
  /** Pieces with their log probabilities, by id. */
  vocab: [piece: string, score: number][];
  unkId: number;
  /** Compiled normalization rules, nmt_nfkc for T5; empty for none. */
  charsmap: Uint8Array;
}

/** T5's special tokens, transformers' defaults. */
export const T5_TOKENS = { pad_token: "<pad>", eos_token: "</s>", unk_token: "<unk>" } as const;

/** TrainerSpec.ModelType.UNIGRAM */
const UNIGRAM = 1;
/** SentencePiece.Type.UNKNOWN */
const UNKNOWN_PIECE = 2;
/**
 * T5Tokenizer's default, and a limit beyond that of any model, so that a false number cannot fill
 * memory.
 */
const DEFAULT_EXTRA_IDS = 100;
const MAX_EXTRA_IDS = 10_000;

/**
 * Builds the content of tokenizer.json from spiece.model, since T5's older checkpoints have only
 * that: Unigram pieces, the extra ids after them (`<extra_id_0>` last), `</s>` after a text.
 *
 * @param config tokenizer_config.json over special_tokens_map.json.
 * @returns null when there is no spiece.model.
 * @throws UserError when it is broken, or is not a T5's.
 */
export async function readSentencePiece(
  files: ModelFiles,
  config: JsonObject,
): Promise<JsonObject | null> {
  const bytes = await files.bytes("spiece.model");
  if (!bytes) return null;
  const path = files.pathOf("spiece.model");
  const kind = config.tokenizer_class ?? "T5Tokenizer";
  if (kind !== "T5Tokenizer" && kind !== "T5TokenizerFast") {
    throw new UserError(
      `${files.path} has a spiece.model of ${
        JSON.stringify(kind)
      } and no tokenizer.json, expected T5Tokenizer`,
    );
  }
  const { vocab, unkId, charsmap } = parseModel(path, bytes);
  const extraIds = config.extra_ids ?? DEFAULT_EXTRA_IDS;
  if (!Number.isInteger(extraIds) || Number(extraIds) < 0 || Number(extraIds) > MAX_EXTRA_IDS) {
    throw new UserError(
      `${files.path}: extra_ids is ${
        JSON.stringify(extraIds)
      }, expected a number up to ${MAX_EXTRA_IDS}`,
    );
  }
  const ids = new Map(vocab.map(([piece], id) => [piece, id]));
  const specialTokens: string[] = Object.values(T5_TOKENS);
  for (const token of specialTokens) {
    if (!ids.has(token)) throw new UserError(`${path} has no piece ${token}, which T5 needs`);
  }
  for (let i = Number(extraIds) - 1; i >= 0; i--) {
    const token = `<extra_id_${i}>`;
    ids.set(token, vocab.length);
    vocab.push([token, 0]);
    specialTokens.push(token);
  }
  const metaspace = { type: "Metaspace", replacement: "▁", add_prefix_space: true };
  const end = { SpecialToken: { id: "</s>", type_id: 0 } };
  const sequence = (id: string) => ({ Sequence: { id, type_id: 0 } });
  return {
    added_tokens: specialTokens.map((content) => specialToken(content, ids.get(content))),
    normalizer: charsmap.length === 0
      ? null
      : { type: "Precompiled", precompiled_charsmap: charsmap.toBase64() },
    pre_tokenizer: { type: "Sequence", pretokenizers: [{ type: "WhitespaceSplit" }, metaspace] },
    post_processor: {
      type: "TemplateProcessing",
      single: [sequence("A"), end],
      pair: [sequence("A"), end, sequence("B"), end],
      special_tokens: { "</s>": { id: "</s>", ids: [ids.get("</s>")], tokens: ["</s>"] } },
    },
    decoder: metaspace,
    model: { type: "Unigram", unk_id: unkId, vocab },
  };
}

/** Reads the fields of ModelProto that a tokenizer needs. */
function parseModel(path: string, bytes: Uint8Array): SentencePieceModel {
  const vocab: SentencePieceModel["vocab"] = [];
  let unkId: number | null = null;
  let charsmap = new Uint8Array();
  let modelType = UNIGRAM;
  try {
    for (const [field, value] of parseProtobuf(bytes)) {
      if (field === 1) {
        const piece = new Map(parseProtobuf(bytesOf(value)));
        const score = piece.has(2) ? floatOf(piece.get(2)) : 0;
        if (!Number.isFinite(score)) {
          throw new Error(`piece ${vocab.length} has the score ${score}`);
        }
        if (piece.has(3) && uintOf(piece.get(3)) === UNKNOWN_PIECE) unkId = vocab.length;
        vocab.push([textOf(piece.get(1)), score]);
      } else if (field === 2) {
        const spec = new Map(parseProtobuf(bytesOf(value)));
        if (spec.has(3)) modelType = uintOf(spec.get(3));
      } else if (field === 3) {
        const rules = new Map(parseProtobuf(bytesOf(value))).get(2);
        if (rules !== undefined) charsmap = bytesOf(rules);
      }
    }
  } catch (error) {
    throw new UserError(`${path} is not a SentencePiece model: ${(error as Error).message}`, {
      cause: error,
    });
  }
  if (unkId === null) {
    throw new UserError(`${path} is broken: none of its pieces is the unknown token`);
  }
  if (modelType !== UNIGRAM) {
    throw new UserError(`${path} is a SentencePiece model of type ${modelType}, expected Unigram`);
  }
  return { vocab, unkId, charsmap };
}
