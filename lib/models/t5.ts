import type { Device } from "../device/device.ts";
import { UserError } from "../errors.ts";
import { type ModelFiles, modelFiles } from "../formats/model_files.ts";
import type { LinearModule, LoraAdapter } from "../nn/lora.ts";
import type { ValueHead } from "../nn/value_head.ts";
import type { Context } from "../tensor/context.ts";
import { activation, gatedActivation } from "../tensor/ops/activation.ts";
import { attention, type Rows } from "../tensor/ops/attention.ts";
import { dropout } from "../tensor/ops/dropout.ts";
import { add, scale } from "../tensor/ops/elementwise.ts";
import { embedding } from "../tensor/ops/embedding.ts";
import { linear } from "../tensor/ops/linear.ts";
import { lmHead, type TokenLogprobs } from "../tensor/ops/lm_head.ts";
import {
  type CacheSlots,
  type Norm,
  projectActivated,
  type Projection,
  projectNormed,
  projectToCache,
} from "../tensor/ops/projections.ts";
import { rmsNorm } from "../tensor/ops/rms_norm.ts";
import type { Packed } from "../tensor/packed.ts";
import type { Tensor } from "../tensor/tensor.ts";
import type { WeightMatrix } from "../tensor/weight.ts";
import { RelativeBias } from "./relative_bias.ts";
import { parseT5Config, type T5Config } from "./t5_config.ts";
import { CheckpointSource, FrozenStore, type WeightStore } from "./weight_store.ts";

interface Linear {
  readonly name: string;
  readonly weight: WeightMatrix;
}

interface AttentionLayer {
  readonly norm: Tensor;
  readonly q: Linear;
  readonly k: Linear;
  readonly v: Linear;
  readonly o: Linear;
}

interface FeedForward {
  readonly norm: Tensor;
  /** wi, or wi_0 of a gated layer. */
  readonly wi: Linear;
  /** wi_1 of a gated layer. */
  readonly gate: Linear | null;
  readonly wo: Linear;
}

interface Block {
  readonly self: AttentionLayer;
  /** Attention to the encoder; the decoder's blocks have it. */
  readonly cross: AttentionLayer | null;
  readonly feedForward: FeedForward;
}

/** Keys and values that an attention looks at, and which rows of them belong to which sequence. */
export interface KeysAndValues {
  /** Keys, [rows, heads · d_kv]. */
  readonly k: Tensor;
  /** Values, [rows, heads · d_kv]. */
  readonly v: Tensor;
  /** The rows of each sequence. */
  readonly rows: Rows;
}

/** Where the decoder's attentions to the encoder find their keys and values. */
export interface EncoderMemory {
  /** The rows of the decoder's sequences. */
  readonly queries: Rows;
  /** Keys and values of layer `layer`'s attention to the encoder. */
  cross(layer: number): KeysAndValues;
}

/** Keys and values for a step of decoding, which reads the next token of each sequence. */
export interface DecoderMemory extends EncoderMemory {
  /** Where layer `layer`'s self-attention keeps those of the tokens, beside those before them. */
  slots(layer: number): CacheSlots;
  /** The rows of what is kept, with the new tokens. */
  readonly kept: Rows;
}

/** T5, T5 v1.1 and FLAN-T5 (Raffel et al. 2020), named and computed as in transformers. */
export class T5ForConditionalGeneration {
  readonly #shared: Tensor;
  readonly #encoder: Block[];
  readonly #decoder: Block[];
  readonly #encoderNorm: Tensor;
  readonly #decoderNorm: Tensor;
  readonly #lmHead: WeightMatrix;
  readonly #encoderBias: RelativeBias;
  readonly #decoderBias: RelativeBias;
  readonly #linearModules: LinearModule[] = [];

  /** Builds the model from weights under their names in the checkpoint. */
  constructor(
    readonly device: Device,
    readonly config: T5Config,
    store: WeightStore,
  ) {
    const { vocabSize, dModel, numHeads, relativeAttentionNumBuckets: buckets } = config;
    this.#shared = store.table("shared.weight", vocabSize, dModel);
    const block = (name: string, isDecoder: boolean): Block => ({
      self: this.#attentionLayer(store, `${name}.layer.0`, "SelfAttention"),
      cross: isDecoder ? this.#attentionLayer(store, `${name}.layer.1`, "EncDecAttention") : null,
      feedForward: this.#feedForward(store, `${name}.layer.${isDecoder ? 2 : 1}`),
    });
    const bias = (stack: string) =>
      store.tensor(`${stack}.block.0.layer.0.SelfAttention.relative_attention_bias.weight`, [
        buckets,
        numHeads,
      ]);
    const { numLayers, numDecoderLayers } = config;
    this.#encoder = Array.from({ length: numLayers }, (_, i) => block(`encoder.block.${i}`, false));
    this.#encoderNorm = store.tensor("encoder.final_layer_norm.weight", [dModel]);
    this.#encoderBias = new RelativeBias(config, bias("encoder"), true);
    this.#decoder = Array.from(
      { length: numDecoderLayers },
      (_, i) => block(`decoder.block.${i}`, true),
    );
    this.#decoderNorm = store.tensor("decoder.final_layer_norm.weight", [dModel]);
    this.#decoderBias = new RelativeBias(config, bias("decoder"), false);
    const head = config.tieWordEmbeddings ? "shared.weight" : "lm_head.weight";
    this.#lmHead = store.matrix(head, vocabSize, dModel);
  }

  /**
   * Loads config.json and the weights (safetensors, or PyTorch's .bin); the weights are frozen.
   *
   * @param source a folder's path, or files
   * @param dtype how they are stored on the device; arithmetic is f32 either way
   * @throws {UserError} when a file is missing, broken, or not a T5 model
   */
  static async load(
    device: Device,
    source: string | ModelFiles,
    { dtype = "f32" }: { dtype?: "f32" | "bf16" } = {},
  ): Promise<T5ForConditionalGeneration> {
    const files = modelFiles(source);
    const json = await files.requiredJson("config.json", "model");
    const config = parseT5Config(json, files.pathOf("config.json"));
    using weights = await CheckpointSource.open(files);
    return FrozenStore.build(
      device,
      weights,
      dtype,
      (store) => new T5ForConditionalGeneration(device, config, store),
    );
  }

  /** The linear layers that an adapter can update. */
  get linearModules(): readonly LinearModule[] {
    return this.#linearModules;
  }

  /** Number of weights. */
  get parameterCount(): number {
    const { vocabSize, dModel, numHeads, numLayers, numDecoderLayers } = this.config;
    const inLinears = this.#linearModules
      .reduce((sum, { inFeatures, outFeatures }) => sum + inFeatures * outFeatures, 0);
    const embeddings = vocabSize * dModel * (this.config.tieWordEmbeddings ? 1 : 2);
    const norms = dModel * (2 * numLayers + 3 * numDecoderLayers + 2);
    const biases = 2 * this.config.relativeAttentionNumBuckets * numHeads;
    return inLinears + embeddings + norms + biases;
  }

  /**
   * Checks token ids from outside: on the device, an id beyond the vocabulary reads as zeros.
   *
   * @param what whose tokens they are, for the message
   * @throws {UserError} naming the first id that is not in the vocabulary
   */
  checkTokens(ids: readonly number[], what: string): void {
    const { vocabSize } = this.config;
    const bad = ids.find((id) => !(Number.isInteger(id) && id >= 0 && id < vocabSize));
    if (bad === undefined) return;
    throw new UserError(
      `${what} has the token ${bad}, the model's vocabulary has ${vocabSize}: is the tokenizer another model's?`,
    );
  }

  /** Hidden states of the inputs, [N, d_model]. */
  encode(cx: Context, inputs: Packed, adapter: LoraAdapter | null): Tensor {
    const rows = attentionRows(inputs);
    const bias = this.#encoderBias.table(cx, inputs.maxLength);
    let h = this.#embed(cx, inputs.ids);
    for (const { self, feedForward } of this.#encoder) {
      h = cx.layer(h, (h) => {
        const x = this.#norm(cx, h, self.norm);
        const k = project(cx, x, self.k, adapter);
        const v = project(cx, x, self.v, adapter);
        const q = project(cx, x, self.q, adapter);
        const attended = this.#attend(cx, h, q, self, rows, { k, v, rows }, adapter, {
          causal: false,
          bias,
        });
        return this.#feed(cx, attended, feedForward, adapter);
      });
    }
    return this.#drop(cx, this.#norm(cx, h, this.#encoderNorm));
  }

  /**
   * The decoder's last hidden states after the final norm, [M, d_model].
   *
   * @param decoderInputs one sequence for each of the inputs, starting with the start token
   * @param encoderHidden what `encode` returned for `inputs`
   */
  decode(
    cx: Context,
    decoderInputs: Packed,
    encoderHidden: Tensor,
    inputs: Packed,
    adapter: LoraAdapter | null,
  ): Tensor {
    const rows = attentionRows(decoderInputs);
    const crossRows = attentionRows(inputs);
    return this.decodeWith(cx, decoderInputs, adapter, {
      queries: rows,
      cross: (layer) => ({ ...this.crossKeys(cx, layer, encoderHidden, adapter), rows: crossRows }),
    });
  }

  /** The decoder over whole sequences, given what they attend to. */
  decodeWith(
    cx: Context,
    decoderInputs: Packed,
    adapter: LoraAdapter | null,
    memory: EncoderMemory,
  ): Tensor {
    const bias = this.#decoderBias.table(cx, decoderInputs.maxLength);
    const { queries } = memory;
    let h = this.#embed(cx, decoderInputs.ids);
    this.#decoder.forEach(({ self, cross, feedForward }, layer) => {
      h = cx.layer(h, (h) => {
        const x = this.#norm(cx, h, self.norm);
        const k = project(cx, x, self.k, adapter);
        const v = project(cx, x, self.v, adapter);
        const own = { k, v, rows: queries };
        const q = project(cx, x, self.q, adapter);
        h = this.#attend(cx, h, q, self, queries, own, adapter, { causal: true, bias });
        const y = project(cx, this.#norm(cx, h, cross!.norm), cross!.q, adapter);
        const encoded = memory.cross(layer);
        h = this.#attend(cx, h, y, cross!, queries, encoded, adapter, {
          causal: false,
          bias: null,
        });
        return this.#feed(cx, h, feedForward, adapter);
      });
    });
    return this.#drop(cx, this.#norm(cx, h, this.#decoderNorm));
  }

  /**
   * One step of decoding: what `decode` would give for the next token of each sequence, bit for bit,
   * in fewer launches. Without a tape.
   *
   * @param ids i32 [M]
   * @param length of the longest sequence with its new token
   * @param values what computes the tokens' values, and where they are written; or null
   */
  decodeStep(
    cx: Context,
    ids: Tensor,
    length: number,
    adapter: LoraAdapter | null,
    memory: DecoderMemory,
    values: { head: ValueHead; into: Tensor } | null,
  ): Tensor {
    const bias = this.#decoderBias.table(cx, length);
    const norm = (weight: Tensor): Norm => ({ weight, eps: this.config.layerNormEpsilon });
    const { queries, kept } = memory;
    let h = embedding(cx, this.#shared, ids);
    this.#decoder.forEach(({ self, cross, feedForward }, layer) => {
      h = cx.layer(h, (h) => {
        const slots = memory.slots(layer);
        const layers = {
          q: adapted(self.q, adapter),
          k: adapted(self.k, adapter),
          v: adapted(self.v, adapter),
        };
        const q = projectToCache(cx, h, norm(self.norm), layers, slots);
        const own = { k: slots.k, v: slots.v, rows: kept };
        h = this.#attend(cx, h, q, self, queries, own, adapter, { causal: true, bias });
        const y = projectNormed(cx, h, norm(cross!.norm), adapted(cross!.q, adapter));
        const encoded = memory.cross(layer);
        h = this.#attend(cx, h, y, cross!, queries, encoded, adapter, {
          causal: false,
          bias: null,
        });
        const { wi, gate, wo } = feedForward;
        const active = projectActivated(
          cx,
          h,
          norm(feedForward.norm),
          adapted(wi, adapter),
          gate && adapted(gate, adapter),
          gate ? "gelu_new" : "relu",
        );
        return this.#addProjection(cx, h, active, wo, adapter);
      });
    });
    return values
      ? values.head.normWithValues(cx, h, norm(this.#decoderNorm), values.into)
      : this.#norm(cx, h, this.#decoderNorm);
  }

  /** Keys and values, [N, heads · d_kv], of a decoder layer's attention to the encoder. */
  crossKeys(
    cx: Context,
    layer: number,
    encoderHidden: Tensor,
    adapter: LoraAdapter | null,
  ): { k: Tensor; v: Tensor } {
    const cross = this.#decoder[layer].cross!;
    return {
      k: project(cx, encoderHidden, cross.k, adapter),
      v: project(cx, encoderHidden, cross.v, adapter),
    };
  }

  /** Next-token logits, [M, vocab], of the decoder's hidden states: all of them, so for few rows. */
  logits(cx: Context, hidden: Tensor): Tensor {
    return linear(cx, this.#headInput(cx, hidden), this.#lmHead);
  }

  /**
   * log p(target) and the distribution's entropy (nats) for each hidden state, without ever holding
   * all logits; differentiable in the logprobs.
   *
   * @param targets i32 [M]
   */
  logprobs(cx: Context, hidden: Tensor, targets: Tensor): TokenLogprobs {
    return lmHead(cx, this.#headInput(cx, hidden), this.#lmHead, targets);
  }

  #headInput(cx: Context, hidden: Tensor): Tensor {
    // Tied models scale here because their embedding is not scaled (transformers' T5).
    return this.config.tieWordEmbeddings ? scale(cx, hidden, this.config.dModel ** -0.5) : hidden;
  }

  #embed(cx: Context, ids: Tensor): Tensor {
    return this.#drop(cx, embedding(cx, this.#shared, ids));
  }

  #norm(cx: Context, x: Tensor, weight: Tensor): Tensor {
    return rmsNorm(cx, x, weight, this.config.layerNormEpsilon);
  }

  /** h + o(attention(q, memory)) */
  #attend(
    cx: Context,
    h: Tensor,
    q: Tensor,
    layer: AttentionLayer,
    queries: Rows,
    memory: KeysAndValues,
    adapter: LoraAdapter | null,
    options: { causal: boolean; bias: Tensor | null },
  ): Tensor {
    const attended = attention(cx, q, memory.k, memory.v, {
      heads: this.config.numHeads,
      scale: 1,
      queries,
      keys: memory.rows,
      ...options,
    });
    return this.#addProjection(cx, h, attended, layer.o, adapter);
  }

  /** h + wo(act(wi(norm(h)))) */
  #feed(cx: Context, h: Tensor, layer: FeedForward, adapter: LoraAdapter | null): Tensor {
    const x = this.#norm(cx, h, layer.norm);
    const inner = project(cx, x, layer.wi, adapter);
    const active = layer.gate
      ? gatedActivation(cx, inner, project(cx, x, layer.gate, adapter), "gelu_new")
      : activation(cx, inner, "relu");
    return this.#addProjection(cx, h, this.#drop(cx, active), layer.wo, adapter);
  }

  /** h + dropout(W x): one kernel where dropout is off. */
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
    const p = this.config.dropoutRate;
    return cx.dropoutSeed === null || p === 0 ? x : dropout(cx, x, cx.nextDropout(p));
  }

  #attentionLayer(store: WeightStore, name: string, kind: string): AttentionLayer {
    const { dModel } = this.config;
    const inner = this.config.numHeads * this.config.dKv;
    const part = (which: string) =>
      which === "o"
        ? this.#linear(store, `${name}.${kind}.o`, dModel, inner)
        : this.#linear(store, `${name}.${kind}.${which}`, inner, dModel);
    return {
      norm: store.tensor(`${name}.layer_norm.weight`, [dModel]),
      q: part("q"),
      k: part("k"),
      v: part("v"),
      o: part("o"),
    };
  }

  #feedForward(store: WeightStore, name: string): FeedForward {
    const { dModel, dFf, feedForwardProj } = this.config;
    const gated = feedForwardProj === "gated-gelu";
    const dense = `${name}.DenseReluDense`;
    return {
      norm: store.tensor(`${name}.layer_norm.weight`, [dModel]),
      wi: this.#linear(store, `${dense}.${gated ? "wi_0" : "wi"}`, dFf, dModel),
      gate: gated ? this.#linear(store, `${dense}.wi_1`, dFf, dModel) : null,
      wo: this.#linear(store, `${dense}.wo`, dModel, dFf),
    };
  }

  #linear(store: WeightStore, name: string, outFeatures: number, inFeatures: number): Linear {
    this.#linearModules.push({ name, inFeatures, outFeatures });
    return { name, weight: store.matrix(`${name}.weight`, outFeatures, inFeatures) };
  }
}

function project(cx: Context, x: Tensor, { name, weight }: Linear, adapter: LoraAdapter | null) {
  return linear(cx, x, weight, { lora: adapter?.weights(name) });
}

function adapted({ name, weight }: Linear, adapter: LoraAdapter | null): Projection {
  return { weight, lora: adapter?.weights(name) ?? null };
}

/** The rows of a packed batch, as attention wants them. */
export function attentionRows(packed: Packed): Rows {
  const { starts, lengths, maxLength } = packed;
  return { starts, lengths, maxLength };
}
