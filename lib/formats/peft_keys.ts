import { UserError } from "../errors.ts";
import type { ConfigKeys } from "./config_keys.ts";
import type { JsonObject } from "./hf_config.ts";

/**
 * Keys of a LoRA adapter's adapter_config.json in PEFT 0.2 to 0.21 (`LoraConfig` and its bases).
 */
export const PEFT_KEYS: ConfigKeys = {
  read: [
    ...["peft_type", "task_type", "r", "lora_alpha", "lora_dropout", "target_modules", "bias"],
    ...["base_model_name_or_path", "init_lora_weights", "fan_in_fan_out", "use_rslora"],
    ...["rank_pattern", "alpha_pattern", "exclude_modules", "layers_to_transform"],
    ...["layers_pattern", "modules_to_save"],
  ],
  harmless: [
    // Where the adapter comes from.
    ...["auto_mapping", "revision", "peft_version", "inference_mode"],
    // Read by PEFT only where another key asks for it, and that one is refused when set.
    ...["megatron_core", "qalora_group_size", "runtime_config", "merge_weights"],
    // How an adapter begins; PEFT ignores them where `init_lora_weights` is not of their name.
    ...["eva_config", "corda_config", "loftq_config", "lora_ga_config"],
  ],
  neutral: {
    // Which modules have an update, beside target_modules.
    layer_replication: [[]],
    target_parameters: [[]],
    // What is trained beside the updates.
    trainable_token_indices: [[], {}],
    ensure_weight_tying: [false],
    lora_bias: [false],
    // Other computations: DoRA, QALoRA, aLoRA, Arrow, BD-LoRA, MonteCLoRA, KaSA, VeLoRA, Megatron's
    // parallel layers; enable_lora is of PEFT 0.2, for parts of a fused layer.
    use_dora: [false],
    use_qalora: [false],
    alora_invocation_tokens: [[]],
    arrow_config: [{}],
    use_bdlora: [false, {}],
    monteclora_config: [{}],
    kasa_config: [{}],
    velora_config: [{}],
    megatron_config: [{}],
    enable_lora: [[]],
  },
};

/**
 * Values of `init_lora_weights` that leave the base as it is: the update starts at zero, or the file's
 * own values replace it. The others take the first update off the base.
 */
const PLAIN_STARTS: readonly unknown[] = [
  ...[true, false, null, undefined],
  ...["gaussian", "eva", "orthogonal", "mica"],
];

/**
 * Refuses an adapter that was trained on another base than its model: PiSSA, OLoRA, CorDA, LoftQ and
 * LoRA-GA take the adapter's first B·A, or what quantizing changes, off the base weights, and the
 * file has only the last B·A. PEFT computes the first one again where it can (an SVD or QR of the
 * base), needs the data of the beginning where it cannot, and converts either to a plain LoRA.
 *
 * @param path path of adapter_config.json, for messages
 * @throws {UserError} naming the kind, and what to do
 */
export function checkInitialization(config: JsonObject, path: string): void {
  const { init_lora_weights: start } = config;
  if (PLAIN_STARTS.includes(typeof start === "string" ? start.toLowerCase() : start)) return;
  throw new UserError(
    `${path}: "init_lora_weights" is ${
      JSON.stringify(start)
    }, so the adapter fits base weights that ` +
      "were changed before training: in PEFT save it as a plain LoRA (save_pretrained with " +
      "path_initial_model_for_weight_conversion), or merge it and use the merged model",
  );
}

/** Ends of the names of output heads and embeddings in the models that Temper trains. */
const HEADS: readonly string[] = ["lm_head"];
const EMBEDDINGS: readonly string[] = ["embed_tokens", "wte", "wpe", "shared"];

/**
 * Names the output head or the embedding that a layer's name means, which no adapter of ours updates;
 * null for any other layer.
 */
export function unadaptable(module: string): string | null {
  const last = module.split(".").at(-1)!;
  if (HEADS.includes(last)) return `the output head, "${module}"`;
  if (EMBEDDINGS.includes(last)) return `the embedding, "${module}"`;
  return null;
}

/**
 * Describes an adapter's tensor that is of an output head or an embedding: an update of it, or its
 * weights as a whole, which PEFT saves with an adapter after the vocabulary was resized.
 *
 * @param tensor name in the file
 * @param path path of the file, for messages
 * @returns null for any other tensor
 */
export function embeddingFault(tensor: string, path: string): string | null {
  const [, module] =
    /^base_model\.model\.(.+?)\.(?:lora_(?:embedding_)?[AB](?:\.weight)?|weight)$/.exec(tensor) ??
      [];
  const subject = module === undefined ? null : unadaptable(module);
  if (subject === null) return null;
  return `${path} has the tensor "${tensor}" of ${subject}, which Temper does not adapt: merge the ` +
    "adapter in PEFT and use the merged model, or train one on other layers";
}
