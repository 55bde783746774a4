import type { LanguageModel } from "../models/language_model.ts";
import type { LoraAdapter } from "../nn/lora.ts";
import type { ValueHead } from "../nn/value_head.ts";

/** A model, the update of its linear layers, and a value head where there is one. */
export interface TokenModel {
  /** Base model. */
  readonly model: LanguageModel;
  /** Adapter of its linear layers; null for the base model, or where the model itself is trained. */
  readonly adapter: LoraAdapter | null;
  /** Head that predicts the return of a hidden state. */
  readonly valueHead?: ValueHead | null;
  /** Divisor of the logits. Default 1. */
  readonly temperature?: number;
}
