import { UserError } from "../errors.ts";
import type { ConfigKeys } from "./config_keys.ts";
import type { JsonObject } from "./hf_config.ts";

/**
 * Keys of a LoRA adapter's adapter_config.json in PEFT 0.2 to 0.21 (`LoraConfig` and its bases).
 */
export const PEFT_KEYS: ConfigKeys = {
  read: [
    ...["peft_type", "task_type", "r", "lora_alpha", "lora_dropout", "target_modules", "bias"],
    ...["base_model_name_or_path", "init_lora_weights"],
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
    fan_in_fan_out: [false],
    // Which modules have an update, beside target_modules.
    exclude_modules: [[], ""],
    layers_to_transform: [[]],
    layers_pattern: [[], ""],
    layer_replication: [[]],
    target_parameters: [[]],
    // What is trained beside the updates.
    modules_to_save: [[]],
    trainable_token_indices: [[], {}],
    ensure_weight_tying: [false],
    lora_bias: [false],
    // Ranks and scales.
    rank_pattern: [{}],
    alpha_pattern: [{}],
    use_rslora: [false],
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
