/**
 * Decoder-only models in f64, one text at a time, from the formulas of transformers' modelling code.
 * Weights go by their names in the checkpoint.
 */
import type { DecoderConfig, LayerAttention } from "../../lib/models/decoder/config.ts";
import type { RopeConfig } from "../../lib/models/decoder/rope.ts";
import { functions } from "./activation.ts";
import { layerNorm } from "./layer_norm.ts";
import { linearReference } from "./linear.ts";
import { rmsNorm } from "./rms_norm.ts";
import { rotaryTable, rotate } from "./rotary.ts";

export class DecoderReference {
  constructor(
    readonly config: DecoderConfig,
    readonly weights: ReadonlyMap<string, Float64Array>,
  ) {}

  /** Hidden states [tokens, hiddenSize] after the final norm. */
  hidden(ids: readonly number[]): Float64Array {
    const { names, layers, embeddingScale, hiddenSize } = this.config;
    const places = names.positions && this.#base(`${names.positions}.weight`);
    const table = this.#base(`${names.embedding}.weight`);
    let h: Float64Array = Float64Array.from({ length: ids.length * hiddenSize }, (_, at) => {
      const [i, column] = [Math.floor(at / hiddenSize), at % hiddenSize];
      const value = table[ids[i] * hiddenSize + column];
      return (value + (places ? places[i * hiddenSize + column] : 0)) * embeddingScale;
    });
    layers.forEach((attention, i) => h = this.#layer(h, `${names.layers}.${i}`, attention));
    return this.#norm(h, names.finalNorm);
  }

  /** Logits [tokens, vocabulary] of hidden states. */
  logits(hidden: Float64Array): Float64Array {
    const { tied, names, hiddenSize: k } = this.config;
    const w = tied ? this.#base(`${names.embedding}.weight`) : this.#weight("lm_head.weight");
    return linearReference({ x: hidden, w, m: hidden.length / k, n: w.length / k, k });
  }

  #layer(h: Float64Array, name: string, attention: LayerAttention): Float64Array {
    const { names, activation, innerSize, hiddenSize, biases } = this.config;
    const attended = this.#attention(
      this.#norm(h, `${name}.${names.attentionNorm}`),
      name,
      attention,
    );
    h = sum(h, this.#outputNorm(attended, name, names.attentionOutputNorm));
    const x = this.#norm(h, `${name}.${names.feedForwardNorm}`);
    const linear = (part: string, x: Float64Array, k: number) =>
      this.#linear(x, `${name}.${part}`, k, biases.feedForward);
    const gate = names.gate === null ? null : linear(names.gate, x, hiddenSize);
    const active = linear(names.inner, x, hiddenSize)
      .map((value, i) => functions[activation](value) * (gate?.[i] ?? 1));
    const y = linear(names.outer, active, innerSize);
    return sum(h, this.#outputNorm(y, name, names.feedForwardOutputNorm));
  }

  #attention(
    x: Float64Array,
    name: string,
    { scale, window, rope }: LayerAttention,
  ): Float64Array {
    const { names, heads, keyHeads, headSize, hiddenSize, biases } = this.config;
    const tokens = x.length / hiddenSize;
    let [q, k, v] = this.#heads(x, name);
    if (names.headNorms) {
      q = this.#norm(q, `${name}.${names.headNorms[0]}`);
      k = this.#norm(k, `${name}.${names.headNorms[1]}`);
    }
    if (rope) {
      const table = rotaryTable(frequencies(rope, headSize), tokens);
      const positions = Array.from({ length: tokens }, (_, i) => i);
      [q, k] = [q, k].map((part) => rotate(part, table, positions, headSize));
    }
    const out = new Float64Array(tokens * heads * headSize);
    for (let head = 0; head < heads; head++) {
      const keyHead = Math.floor(head / (heads / keyHeads));
      for (let i = 0; i < tokens; i++) {
        const query = (i * heads + head) * headSize;
        const first = window === null ? 0 : Math.max(0, i - window + 1);
        const scores: number[] = [];
        for (let j = first; j <= i; j++) {
          const key = (j * keyHeads + keyHead) * headSize;
          let score = 0;
          for (let c = 0; c < headSize; c++) score += q[query + c] * k[key + c];
          scores.push(score * scale);
        }
        const most = Math.max(...scores);
        const exponentials = scores.map((score) => Math.exp(score - most));
        const total = exponentials.reduce((a, b) => a + b);
        exponentials.forEach((e, at) => {
          const value = ((first + at) * keyHeads + keyHead) * headSize;
          for (let c = 0; c < headSize; c++) out[query + c] += e / total * v[value + c];
        });
      }
    }
    return this.#linear(out, `${name}.${names.output}`, heads * headSize, biases.output);
  }

  #heads(x: Float64Array, name: string): Float64Array[] {
    const { names, hiddenSize, biases } = this.config;
    const project = (part: string) => this.#linear(x, `${name}.${part}`, hiddenSize, biases.heads);
    if (typeof names.heads !== "string") return names.heads.map(project);
    const all = project(names.heads);
    const width = hiddenSize;
    return [0, 1, 2].map((part) =>
      all.filter((_, at) => Math.floor(at % (3 * width) / width) === part)
    );
  }

  #outputNorm(x: Float64Array, name: string, norm: string | null): Float64Array {
    return norm === null ? x : this.#norm(x, `${name}.${norm}`);
  }

  #norm(x: Float64Array, name: string): Float64Array {
    const { kind, eps, weightOffset } = this.config.norm;
    const weight = this.#base(`${name}.weight`);
    if (kind === "rms") return rmsNorm(x, weight, eps, weightOffset);
    return layerNorm(x, weight, this.#base(`${name}.bias`), eps);
  }

  #linear(x: Float64Array, name: string, k: number, hasBias: boolean): Float64Array {
    const stored = this.#base(`${name}.weight`);
    const n = stored.length / k;
    const w = this.config.transposed
      ? stored.map((_, at) => stored[at % k * n + Math.floor(at / k)])
      : stored;
    const bias = hasBias ? this.#base(`${name}.bias`) : null;
    return linearReference({ x, w, m: x.length / k, n, k }).map((y, i) => y + (bias?.[i % n] ?? 0));
  }

  #base(name: string): Float64Array {
    return this.#weight(`${this.config.storedBase}${name}`);
  }

  #weight(name: string): Float64Array {
    const weight = this.weights.get(name);
    if (!weight) throw new Error(`no weight ${name}`);
    return weight;
  }
}

/** Inverse frequencies of each pair of columns. */
function frequencies({ theta, scaling }: RopeConfig, headSize: number): Float64Array {
  return Float64Array.from({ length: headSize / 2 }, (_, i) => {
    const frequency = theta ** (-2 * i / headSize);
    if (scaling === null) return frequency;
    if (scaling.kind === "linear") return frequency / scaling.factor;
    const { factor, lowFreqFactor: low, highFreqFactor: high } = scaling;
    const old = scaling.originalMaxPositionEmbeddings;
    const wavelength = 2 * Math.PI / frequency;
    if (wavelength < old / high) return frequency;
    if (wavelength > old / low) return frequency / factor;
    const share = (old / wavelength - low) / (high - low);
    return (1 - share) * frequency / factor + share * frequency;
  });
}

function sum(a: Float64Array, b: Float64Array): Float64Array {
  return a.map((x, i) => x + b[i]);
}
