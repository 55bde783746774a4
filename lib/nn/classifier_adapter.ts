import type { LoraConfig } from "../formats/lora_config.ts";
import type { Tensor } from "../tensor/tensor.ts";
import { WeightMatrix } from "../tensor/weight.ts";
import { LoraAdapter } from "./lora.ts";
import type { Parameters } from "./parameters.ts";

/** A linear layer with its bias. */
export interface DenseLayer {
  readonly weight: WeightMatrix;
  /** [out]; null for none. */
  readonly bias: Tensor | null;
}

/**
 * Trained part of a classifier whose other weights are frozen: updates of its linear layers, and its
 * head as a whole, as with PEFT's task SEQ_CLS.
 */
export class ClassifierAdapter {
  /** Updates of the linear layers. */
  readonly lora: LoraAdapter;
  readonly #head = new Map<string, DenseLayer>();

  /**
   * An adapter of parameters: those of `loraSpecs`, and the tensors of the head under their names in the
   * checkpoint.
   */
  constructor(config: LoraConfig, readonly parameters: Parameters) {
    this.lora = new LoraAdapter(config, parameters);
    for (const name of parameters.names) {
      const [, module] = /^(.*)\.weight$/.exec(name) ?? [];
      if (module === undefined || /\.lora_[AB]$/.test(module)) continue;
      const bias = `${module}.bias`;
      this.#head.set(module, {
        weight: WeightMatrix.trainable(parameters.get(name)),
        bias: parameters.names.includes(bias) ? parameters.get(bias) : null,
      });
    }
  }

  /**
   * Layer of the head in place of the model's; null for a layer that is not of the head.
   *
   * @internal
   */
  head(module: string): DenseLayer | null {
    return this.#head.get(module) ?? null;
  }
}
