/**
 * T5 (transformers' T5ForConditionalGeneration without dropout) in f64, one sequence at a time.
 * Weights go by their names in the checkpoint.
 */
import type { T5Config } from "../../lib/models/t5/config.ts";
import { functions } from "./activation.ts";
import { attentionReference } from "./attention.ts";
import { linearReference } from "./linear.ts";
import { relativeBucketReference } from "./relative_bucket.ts";
import { rmsNorm } from "./rms_norm.ts";

export class T5Reference {
  constructor(
    readonly config: T5Config,
    readonly weights: ReadonlyMap<string, Float64Array>,
  ) {}

  /** Hidden states [tokens, d_model] of one input. */
  encode(ids: readonly number[]): Float64Array {
    let h = this.#embed(ids);
    for (let i = 0; i < this.config.numLayers; i++) {
      const block = `encoder.block.${i}.layer`;
      h = this.#selfAttention(h, "encoder", `${block}.0`);
      h = this.#feedForward(h, `${block}.1`);
    }
    return this.#norm(h, "encoder.final_layer_norm");
  }

  /** Hidden states [tokens, d_model] of one decoder input. */
  decode(ids: readonly number[], encoded: Float64Array): Float64Array {
    let h = this.#embed(ids);
    for (let i = 0; i < this.config.numDecoderLayers; i++) {
      const block = `decoder.block.${i}.layer`;
      h = this.#selfAttention(h, "decoder", `${block}.0`);
      const x = this.#norm(h, `${block}.1.layer_norm`);
      const name = `${block}.1.EncDecAttention`;
      h = sum(h, this.#attention(x, encoded, name, { causal: false, bias: null }));
      h = this.#feedForward(h, `${block}.2`);
    }
    return this.#norm(h, "decoder.final_layer_norm");
  }

  /** Logits [tokens, vocab] of the decoder's hidden states. */
  logits(hidden: Float64Array): Float64Array {
    const { tieWordEmbeddings: tied, scaleDecoderOutputs, dModel } = this.config;
    const scaled = scaleDecoderOutputs ? hidden.map((x) => x / Math.sqrt(dModel)) : hidden;
    return this.#linear(scaled, tied ? "shared" : "lm_head", dModel);
  }

  #embed(ids: readonly number[]): Float64Array {
    const { dModel } = this.config;
    const table = this.#weight("shared");
    const h = new Float64Array(ids.length * dModel);
    ids.forEach((id, i) => h.set(table.subarray(id * dModel, (id + 1) * dModel), i * dModel));
    return h;
  }

  #selfAttention(h: Float64Array, stack: "encoder" | "decoder", name: string): Float64Array {
    const { numHeads, dModel, relativeAttentionNumBuckets, relativeAttentionMaxDistance } =
      this.config;
    const weight = this.#weight(`${stack}.block.0.layer.0.SelfAttention.relative_attention_bias`);
    const reach = h.length / dModel;
    const table = new Float64Array(numHeads * (2 * reach + 1));
    for (let distance = -reach; distance <= reach; distance++) {
      const bucket = relativeBucketReference(
        distance,
        stack === "encoder",
        relativeAttentionNumBuckets,
        relativeAttentionMaxDistance,
      );
      for (let head = 0; head < numHeads; head++) {
        table[head * (2 * reach + 1) + distance + reach] = weight[bucket * numHeads + head];
      }
    }
    const x = this.#norm(h, `${name}.layer_norm`);
    const options = { causal: stack === "decoder", bias: { table, reach } };
    return sum(h, this.#attention(x, x, `${name}.SelfAttention`, options));
  }

  #attention(
    x: Float64Array,
    memory: Float64Array,
    name: string,
    options: { causal: boolean; bias: { table: Float64Array; reach: number } | null },
  ): Float64Array {
    const { numHeads, dKv, dModel } = this.config;
    const { o } = attentionReference({
      q: this.#linear(x, `${name}.q`, dModel),
      k: this.#linear(memory, `${name}.k`, dModel),
      v: this.#linear(memory, `${name}.v`, dModel),
      qStarts: [0],
      qLengths: [x.length / dModel],
      kStarts: [0],
      kLengths: [memory.length / dModel],
      heads: numHeads,
      headSize: dKv,
      scale: 1, // T5 has no 1/√d_kv: its initialisation makes up for it
      ...options,
    });
    return this.#linear(o, `${name}.o`, numHeads * dKv);
  }

  #feedForward(h: Float64Array, name: string): Float64Array {
    const { dModel, dFf, activation, gated } = this.config;
    const dense = `${name}.DenseReluDense`;
    const x = this.#norm(h, `${name}.layer_norm`);
    const gate = gated ? this.#linear(x, `${dense}.wi_1`, dModel) : null;
    const inner = this.#linear(x, `${dense}.${gated ? "wi_0" : "wi"}`, dModel)
      .map((value, i) => functions[activation](value) * (gate?.[i] ?? 1));
    return sum(h, this.#linear(inner, `${dense}.wo`, dFf));
  }

  #norm(x: Float64Array, name: string): Float64Array {
    return rmsNorm(x, this.#weight(name), this.config.layerNormEpsilon);
  }

  #linear(x: Float64Array, name: string, k: number): Float64Array {
    const w = this.#weight(name);
    return linearReference({ x, w, m: x.length / k, n: w.length / k, k });
  }

  #weight(name: string): Float64Array {
    const weight = this.weights.get(`${name}.weight`);
    if (!weight) throw new Error(`no weight ${name}`);
    return weight;
  }
}

function sum(a: Float64Array, b: Float64Array): Float64Array {
  return a.map((x, i) => x + b[i]);
}
