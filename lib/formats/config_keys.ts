import { UserError } from "../errors.ts";
import { shortJson } from "../visible_text.ts";
import type { JsonObject } from "./hf_config.ts";

/** Keys of a Hugging Face config.json, by what they do to a model's results. */
export interface ConfigKeys {
  /** Keys whose values are read. */
  readonly read?: readonly string[];
  /** Keys that change no result, whatever their values. */
  readonly harmless?: readonly string[];
  /** Keys that would change results, each with the values that do not; null never does. */
  readonly neutral?: Readonly<Record<string, readonly unknown[]>>;
}

/** Keys that transformers' `PretrainedConfig` gives a model of any family (4.27 to 5). */
export const COMMON_KEYS: ConfigKeys = {
  harmless: [
    // Where the file comes from, and how weights are kept.
    ...["model_type", "architectures", "transformers_version", "torch_dtype", "dtype"],
    ...["_name_or_path", "name_or_path", "_commit_hash", "_auto_class", "tokenizer_class"],
    ...["keys_to_ignore_at_inference", "is_composition", "problem_type", "finetuning_task"],
    // How transformers computes the same results, and what it returns beside them.
    ...["use_cache", "output_past", "torchscript", "use_bfloat16", "tf_legacy_loss"],
    ...["output_hidden_states", "output_attentions", "return_dict", "use_return_dict"],
    ...["_attn_implementation", "_attn_implementation_autoset", "_attn_implementation_internal"],
    ...["attn_implementation", "_flash_attn_2_enabled", "_experts_implementation"],
    ...["_experts_implementation_internal", "_output_attentions", "chunk_size_feed_forward"],
    ...["gradient_checkpointing", "base_model_tp_plan", "base_model_pp_plan", "base_model_ep_plan"],
    // How weights that are not in a file begin, and tokens that no model reads.
    ...["initializer_range", "initializer_factor", "_fast_init"],
    ...["bos_token_id", "sep_token_id", "cls_token_id", "mask_token_id", "unk_token_id"],
    // Heads of classifiers, which a family of classifiers reads, and pipelines' settings.
    ...["id2label", "label2id", "num_labels", "_num_labels", "classifier_dropout"],
    ...["task_specific_params", "prefix"],
    // Left by trainers, and for transformers.js.
    ...["total_flos", "xla_device", "transformers.js_config", "unsloth_fixed", "unsloth_version"],
  ],
  neutral: {
    quantization_config: [],
    pruned_heads: [{}],
    auto_map: [{}],
    is_decoder: [false],
    add_cross_attention: [false],
    cross_attention_hidden_size: [],
    tie_encoder_decoder: [false],
  },
};

/**
 * Defaults of transformers' `generate`. Those that Temper has settings for are taken from its own
 * settings; those that change the logits and are not implemented are refused.
 */
export const GENERATION_KEYS: ConfigKeys = {
  harmless: [
    ...["max_length", "max_new_tokens", "max_time", "min_length", "min_new_tokens", "do_sample"],
    ...["temperature", "top_k", "top_p", "num_beams", "num_beam_groups", "early_stopping"],
    ...["length_penalty", "num_return_sequences", "output_scores", "output_logits"],
    ...[
      "return_dict_in_generate",
      "remove_invalid_values",
      "renormalize_logits",
      "cache_implementation",
    ],
  ],
  neutral: {
    repetition_penalty: [1],
    encoder_repetition_penalty: [1],
    no_repeat_ngram_size: [0],
    encoder_no_repeat_ngram_size: [0],
    diversity_penalty: [0],
    typical_p: [1],
    min_p: [0],
    epsilon_cutoff: [0],
    eta_cutoff: [0],
    guidance_scale: [1],
    penalty_alpha: [0],
    bad_words_ids: [[]],
    force_words_ids: [[]],
    sequence_bias: [{}, []],
    suppress_tokens: [[]],
    begin_suppress_tokens: [[]],
    forced_bos_token_id: [],
    forced_eos_token_id: [],
    forced_decoder_ids: [[]],
    exponential_decay_length_penalty: [],
  },
};

/**
 * Refuses a config.json with a setting that would change results and is not implemented: one with
 * another value than `neutral` allows, or one that no table knows and that is set.
 *
 * @param path path of the file, for messages
 * @param subject kind of thing that the file is of, for messages
 * @throws {UserError} naming the key and its value
 */
export function checkConfigKeys(
  config: JsonObject,
  path: string,
  tables: readonly ConfigKeys[],
  subject: string = `a model of type ${shortJson(config.model_type)}`,
): void {
  const known = new Set(tables.flatMap(({ read = [], harmless = [] }) => [...read, ...harmless]));
  const neutral = new Map(tables.flatMap(({ neutral = {} }) => Object.entries(neutral)));
  for (const [key, value] of Object.entries(config)) {
    if (known.has(key) || value === null) continue;
    const allowed = neutral.get(key);
    const text = shortJson(value);
    if (allowed === undefined) {
      if (isUnset(value)) continue;
      throw new UserError(
        `${path}: "${key}" is ${text}, a setting that Temper does not know for ${subject}: remove ` +
          `it if it changes no results`,
      );
    }
    if (isNeutral(value, allowed)) continue;
    const support = allowed.every(isUnset)
      ? "does not implement it"
      : `implements ${JSON.stringify(allowed[0])} alone`;
    throw new UserError(
      `${path}: "${key}" is ${text}: it changes what is computed, and Temper ${support}`,
    );
  }
}

/** Tells whether a value is one of those that change nothing. */
export function isNeutral(value: unknown, neutral: readonly unknown[]): boolean {
  return neutral.some((item) => JSON.stringify(item) === JSON.stringify(value));
}

/** Tells whether a value says nothing: null, false, an empty text, list or object. */
function isUnset(value: unknown): boolean {
  if (value === null || value === false || value === "") return true;
  return typeof value === "object" && Object.keys(value).length === 0;
}
