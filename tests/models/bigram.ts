import { join } from "node:path";
import type { Device } from "../../lib/device/device.ts";
import { writeSafetensors } from "../../lib/formats/safetensors.ts";
import type { TensorData } from "../../lib/formats/tensor_file.ts";
import type { ModelFamily } from "../../lib/models/family.ts";
import type {
  Decoding,
  LanguageModel,
  PromptMemory,
  ValueOutput,
} from "../../lib/models/language_model.ts";
import type { WeightStore } from "../../lib/models/weight_store.ts";
import type { LinearModule, LoraAdapter } from "../../lib/nn/lora.ts";
import { Random } from "../../lib/random.ts";
import type { Context } from "../../lib/tensor/context.ts";
import { embedding } from "../../lib/tensor/ops/embedding.ts";
import { linear } from "../../lib/tensor/ops/linear.ts";
import { lmHead, type TokenLogprobs } from "../../lib/tensor/ops/lm_head.ts";
import { rmsNorm } from "../../lib/tensor/ops/rms_norm.ts";
import type { Packed } from "../../lib/tensor/packed.ts";
import type { Tensor } from "../../lib/tensor/tensor.ts";
import type { WeightMatrix } from "../../lib/tensor/weight.ts";

interface BigramConfig {
  vocabSize: number;
  hiddenSize: number;
  eosTokenIds: number[];
}

/**
 * The smallest language model that is a decoder alone: the next token depends on the last one only,
 * so there is nothing to keep of a prompt.
 */
class Bigram implements LanguageModel {
  readonly modelType = "bigram";
  readonly taskType = "CAUSAL_LM";
  readonly defaultTargets = ["mixer"];
  readonly vocabSize: number;
  readonly hiddenSize: number;
  readonly maxPositions: number | null = null;
  readonly trainedLength: number | null = null;
  readonly eosTokenIds: readonly number[];
  readonly linearModules: readonly LinearModule[];
  readonly parameterCount: number;
  readonly #table: Tensor;
  readonly #mixer: WeightMatrix;
  readonly #norm: Tensor;
  readonly #head: WeightMatrix;

  constructor(readonly device: Device, config: BigramConfig, store: WeightStore) {
    const { vocabSize, hiddenSize } = config;
    this.vocabSize = vocabSize;
    this.hiddenSize = hiddenSize;
    this.eosTokenIds = config.eosTokenIds;
    this.linearModules = [
      { name: "mixer", inFeatures: hiddenSize, outFeatures: hiddenSize, tokens: "response" },
    ];
    this.parameterCount = 2 * vocabSize * hiddenSize + hiddenSize ** 2 + hiddenSize;
    this.#table = store.table("embedding.weight", vocabSize, hiddenSize);
    this.#mixer = store.matrix("mixer.weight", hiddenSize, hiddenSize);
    this.#norm = store.tensor("norm.weight", [hiddenSize]);
    this.#head = store.matrix("head.weight", vocabSize, hiddenSize);
  }

  firstInput(prompt: readonly number[]): number {
    return prompt[prompt.length - 1];
  }

  prefill(_cx: Context, prompts: readonly (readonly number[])[]): PromptMemory {
    return { lengths: prompts.map(({ length }) => length) };
  }

  joinPrompts(_cx: Context, _parts: unknown, count: number): PromptMemory {
    return { lengths: new Array(count).fill(1) };
  }

  selectPrompts({ lengths }: PromptMemory, which: readonly number[]): PromptMemory {
    return { lengths: which.map((prompt) => lengths[prompt]) };
  }

  forward(cx: Context, inputs: Packed, _: PromptMemory, adapter: LoraAdapter | null): Tensor {
    return this.#finish(cx, this.#mix(cx, inputs.ids, adapter));
  }

  startDecoding(
    _cx: Context,
    _memory: PromptMemory,
    _capacities: readonly number[],
    adapter: LoraAdapter | null,
  ): Decoding {
    const window = {
      step: (cx: Context, _index: number, ids: Tensor, values: ValueOutput | null) => {
        const h = this.#mix(cx, ids, adapter);
        const norm = { weight: this.#norm, eps: 1e-6 };
        return values ? values.head.normWithValues(cx, h, norm, values.into) : this.#finish(cx, h);
      },
    };
    return { window: () => window };
  }

  logits(cx: Context, hidden: Tensor): Tensor {
    return linear(cx, hidden, this.#head);
  }

  logprobs(cx: Context, hidden: Tensor, targets: Tensor): TokenLogprobs {
    return lmHead(cx, hidden, this.#head, targets);
  }

  estimateMemory() {
    return { cache: 0, activations: 0 };
  }

  #mix(cx: Context, ids: Tensor, adapter: LoraAdapter | null): Tensor {
    const x = embedding(cx, this.#table, ids);
    return cx.layer(
      x,
      (x) => linear(cx, x, this.#mixer, { lora: adapter?.weights("mixer"), residual: x }),
    );
  }

  #finish(cx: Context, h: Tensor): Tensor {
    return rmsNorm(cx, h, this.#norm, 1e-6);
  }
}

/** Models of `model_type` "bigram", for tests of what any model can do. */
export const bigramFamily: ModelFamily = {
  modelType: "bigram",
  configure(json) {
    const config = {
      vocabSize: Number(json.vocab_size),
      hiddenSize: Number(json.hidden_size),
      eosTokenIds: [json.eos_token_id].flat().map(Number),
    };
    return (device, store) => new Bigram(device, config, store);
  },
};

/** Writes a folder of a random bigram model. */
export async function writeBigram(
  folder: string,
  { vocabSize = 50, hiddenSize = 12, eosTokenIds = [1] as number | number[] } = {},
): Promise<string> {
  await Deno.mkdir(folder, { recursive: true });
  const config = {
    model_type: "bigram",
    vocab_size: vocabSize,
    hidden_size: hiddenSize,
    eos_token_id: eosTokenIds,
  };
  await Deno.writeTextFile(join(folder, "config.json"), JSON.stringify(config));
  const random = new Random(3);
  const tensor = (...shape: number[]): TensorData => {
    const length = shape.reduce((a, b) => a * b);
    const data = Float32Array.from({ length }, () => 2 * random.uniform() - 1);
    return { dtype: "F32", shape, data };
  };
  const tensors = new Map([
    ["embedding.weight", tensor(vocabSize, hiddenSize)],
    ["mixer.weight", tensor(hiddenSize, hiddenSize)],
    ["norm.weight", tensor(hiddenSize)],
    ["head.weight", tensor(vocabSize, hiddenSize)],
  ]);
  await writeSafetensors(join(folder, "model.safetensors"), tensors);
  return folder;
}
