import type { Device } from "../../device/device.ts";
import type { LinearModule, LoraAdapter } from "../../nn/lora.ts";
import { KeyValueCache } from "../../nn/key_value_cache.ts";
import type { Context } from "../../tensor/context.ts";
import { attention } from "../../tensor/ops/attention.ts";
import { applyDropout } from "../../tensor/ops/dropout.ts";
import { add } from "../../tensor/ops/elementwise.ts";
import { embedding } from "../../tensor/ops/embedding.ts";
import { linear } from "../../tensor/ops/linear.ts";
import type { Norm } from "../../tensor/ops/norm.ts";
import {
  type CacheSlots,
  type Heads,
  projectActivated,
  projectHeads,
  projectNormed,
} from "../../tensor/ops/projections.ts";
import { rmsNorm } from "../../tensor/ops/rms_norm.ts";
import { Packed } from "../../tensor/packed.ts";
import type { Tensor } from "../../tensor/tensor.ts";
import type { Decoding, PromptMemory, PromptPart } from "../language_model.ts";
import type { WeightStore } from "../weight_store.ts";
import {
  adapted,
  type AttentionLayer,
  type FeedForward,
  type Linear,
  T5Weights,
} from "./blocks.ts";
import type { T5Config } from "./config.ts";
import { type CrossKeys, EncodedPrompts, type SeenRows } from "./encoded_prompts.ts";
import { RelativeBias } from "./relative_bias.ts";

/** Keys and values that the decoder attends to. */
interface DecoderMemory {
  /** Rows of the self-attention. */
  readonly own: SeenRows;
  /** Cache slots for the inputs' keys and values in layer `layer`; null in a pass, which needs no others. */
  slots(layer: number): CacheSlots | null;
  /** Rows of the attention to the encoder. */
  readonly cross: SeenRows;
  readonly prompts: EncodedPrompts;
  readonly adapter: LoraAdapter | null;
}

/**
 * Encoder and decoder of T5, T5 v1.1 and FLAN-T5 (Raffel et al. 2020) without a head, transformers'
 * `T5Model`.
 */
export class T5Model {
  /** Layers that a new adapter updates by default, as PEFT has it. */
  readonly defaultTargets: readonly string[] = ["q", "v"];
  /** Number of tokens in the vocabulary. */
  readonly vocabSize: number;
  /** Width of a hidden state. */
  readonly hiddenSize: number;
  readonly #weights: T5Weights;
  readonly #encoderBias: RelativeBias;
  readonly #decoderBias: RelativeBias;

  /**
   * Builds the model from weights under their names in the checkpoint.
   *
   * @param base beginning of the names, `transformer.` in a classifier
   */
  constructor(
    readonly device: Device,
    readonly config: T5Config,
    store: WeightStore,
    base = "",
  ) {
    this.vocabSize = config.vocabSize;
    this.hiddenSize = config.dModel;
    this.#weights = new T5Weights(config, store, base);
    this.#encoderBias = new RelativeBias(config, this.#weights.encoderBias, true);
    this.#decoderBias = new RelativeBias(config, this.#weights.decoderBias, false);
  }

  /** Linear layers that an adapter can update. */
  get linearModules(): readonly LinearModule[] {
    return this.#weights.linearModules;
  }

  /** Number of weights, without those of a head. */
  get parameterCount(): number {
    return this.#weights.count;
  }

  /** Encodes prompts. Returns what decoding reads of them. */
  prefill(
    cx: Context,
    prompts: readonly (readonly number[])[],
    adapter: LoraAdapter | null,
    use: "pass" | "decoding",
  ): PromptMemory {
    if (use === "pass") {
      const inputs = Packed.create(cx, prompts);
      const hidden = this.encode(cx, inputs, adapter);
      return EncodedPrompts.forPass(
        inputs,
        (layer) => this.#crossKeys(cx, layer, hidden, adapter),
      );
    }
    const layers: CrossKeys[] = [];
    cx.scope(() => {
      const hidden = this.encode(cx, Packed.create(cx, prompts), adapter);
      for (let layer = 0; layer < this.config.numDecoderLayers; layer++) {
        layers.push(this.#crossKeys(cx, layer, hidden, adapter));
      }
      return layers.flatMap(({ k, v }) => [k, v]);
    });
    return EncodedPrompts.kept(prompts.map(({ length }) => length), layers);
  }

  /** Joins memories of prompts into one, by row. */
  joinPrompts(cx: Context, parts: readonly PromptPart[], count: number): PromptMemory {
    return EncodedPrompts.join(cx, parts, count);
  }

  /** Selects rows of a memory; a prompt may serve several. */
  selectPrompts(memory: PromptMemory, which: readonly number[]): PromptMemory {
    return EncodedPrompts.of(memory).select(which);
  }

  /** Runs whole responses through the decoder. Returns hidden states, [tokens, hidden]. */
  forward(
    cx: Context,
    inputs: Packed,
    memory: PromptMemory,
    adapter: LoraAdapter | null,
  ): Tensor {
    const prompts = EncodedPrompts.of(memory);
    const own = { queries: inputs, keys: inputs, prefix: null };
    const cross = prompts.passRows(cx, inputs);
    const read = { own, slots: () => null, cross, prompts, adapter };
    const h = this.#decode(cx, inputs.ids, read);
    return this.#drop(cx, rmsNorm(cx, h, this.#weights.decoderNorm, this.config.layerNormEpsilon));
  }

  /** Begins to decode token by token. */
  startDecoding(
    cx: Context,
    memory: PromptMemory,
    capacities: readonly number[],
    adapter: LoraAdapter | null,
  ): Decoding {
    const prompts = EncodedPrompts.of(memory);
    const { numDecoderLayers, numHeads, dKv } = this.config;
    const layer = { width: numHeads * dKv, window: null, prompts: null };
    const cache = new KeyValueCache(cx, new Array(numDecoderLayers).fill(layer), capacities);
    return {
      window: (cx, rows, first, steps) => {
        const kept = cache.window(cx, rows, first, steps);
        const cross = prompts.stepRows(cx, rows);
        return {
          stepped: kept.stepped,
          step: (cx, index, ids, values) => {
            const { queries, layer } = kept.step(index);
            const slots = (index: number) => layer(index).slots;
            const own = { queries, keys: layer(0).kept, prefix: null };
            const read = { own, slots, cross, prompts, adapter };
            const h = this.#decode(cx, ids, read);
            const norm = this.#norm(this.#weights.decoderNorm);
            return values
              ? values.head.normWithValues(cx, h, norm, values.into)
              : rmsNorm(cx, h, norm.weight, norm.eps);
          },
        };
      },
    };
  }

  /** Hidden states of the inputs, [N, d_model]. */
  encode(cx: Context, inputs: Packed, adapter: LoraAdapter | null): Tensor {
    const bias = this.#encoderBias.table(cx, inputs.maxLength);
    let h = this.#embed(cx, inputs.ids);
    for (const { self, feedForward } of this.#weights.encoder) {
      h = cx.layer(h, (h) => {
        const { q, k, v } = this.#heads(cx, h, self, null, adapter);
        const own = { k, v, queries: inputs, keys: inputs, prefix: null };
        const attended = this.#attend(cx, h, q, self, own, adapter, { causal: false, bias });
        return this.#feed(cx, attended, feedForward, adapter);
      });
    }
    const { encoderNorm } = this.#weights;
    return this.#drop(cx, rmsNorm(cx, h, encoderNorm, this.config.layerNormEpsilon));
  }

  /** The decoder's blocks, over whole sequences or over the next token of each. */
  #decode(
    cx: Context,
    ids: Tensor,
    { own, slots, cross, prompts, adapter }: DecoderMemory,
  ): Tensor {
    const bias = this.#decoderBias.table(cx, own.keys.maxLength);
    let h = this.#embed(cx, ids);
    this.#weights.decoder.forEach((block, layer) => {
      h = cx.layer(h, (h) => {
        const { q, k, v } = this.#heads(cx, h, block.self, slots(layer), adapter);
        const seen = { k, v, ...own };
        h = this.#attend(cx, h, q, block.self, seen, adapter, { causal: true, bias });
        const { norm, q: crossQuery } = block.cross;
        const y = projectNormed(cx, h, this.#norm(norm), adapted(crossQuery, adapter));
        const encoded = { ...prompts.layer(layer), ...cross };
        h = this.#attend(cx, h, y, block.cross, encoded, adapter, {
          causal: false,
          bias: null,
        });
        return this.#feed(cx, h, block.feedForward, adapter);
      });
    });
    return h;
  }

  /** Keys and values of a decoder layer's attention to the encoder. */
  #crossKeys(
    cx: Context,
    layer: number,
    encoderHidden: Tensor,
    adapter: LoraAdapter | null,
  ): CrossKeys {
    const { cross } = this.#weights.decoder[layer];
    const project = (part: Linear) =>
      linear(cx, encoderHidden, part.weight, { lora: adapter?.weights(part.name) });
    return { k: project(cross.k), v: project(cross.v) };
  }

  #embed(cx: Context, ids: Tensor): Tensor {
    return this.#drop(cx, embedding(cx, this.#weights.shared, ids));
  }

  #norm(weight: Tensor): Norm {
    return { weight, eps: this.config.layerNormEpsilon };
  }

  /** Queries, keys and values of norm(h). */
  #heads(
    cx: Context,
    h: Tensor,
    { norm, q, k, v }: AttentionLayer,
    slots: CacheSlots | null,
    adapter: LoraAdapter | null,
  ): Heads {
    const layers = { q: adapted(q, adapter), k: adapted(k, adapter), v: adapted(v, adapter) };
    return projectHeads(cx, h, this.#norm(norm), layers, slots);
  }

  /** h + o(attention(q, memory)) */
  #attend(
    cx: Context,
    h: Tensor,
    q: Tensor,
    layer: AttentionLayer,
    memory: CrossKeys & SeenRows,
    adapter: LoraAdapter | null,
    options: { causal: boolean; bias: Tensor | null },
  ): Tensor {
    const { k, v, queries, keys, prefix } = memory;
    const attended = attention(cx, q, k, v, {
      heads: this.config.numHeads,
      scale: 1,
      queries,
      keys,
      prefix: prefix && { k, v, ...prefix },
      ...options,
    });
    return this.#addProjection(cx, h, attended, layer.o, adapter);
  }

  /** h + wo(act(wi(norm(h)))) */
  #feed(cx: Context, h: Tensor, layer: FeedForward, adapter: LoraAdapter | null): Tensor {
    const active = projectActivated(
      cx,
      h,
      this.#norm(layer.norm),
      adapted(layer.wi, adapter),
      layer.gate && adapted(layer.gate, adapter),
      this.config.activation,
    );
    return this.#addProjection(cx, h, this.#drop(cx, active), layer.wo, adapter);
  }

  /** h + dropout(W x), one kernel without dropout. */
  #addProjection(
    cx: Context,
    h: Tensor,
    x: Tensor,
    { name, weight }: Linear,
    adapter: LoraAdapter | null,
  ): Tensor {
    const lora = adapter?.weights(name);
    if (cx.dropoutSeed === null) return linear(cx, x, weight, { lora, residual: h });
    return add(cx, h, this.#drop(cx, linear(cx, x, weight, { lora })));
  }

  #drop(cx: Context, x: Tensor): Tensor {
    return applyDropout(cx, x, this.config.dropoutRate);
  }
}
