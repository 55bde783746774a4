import { z } from "zod";
import { UserError } from "../errors.ts";
import type { Context } from "../tensor/context.ts";
import { activation } from "../tensor/ops/activation.ts";
import { attention } from "../tensor/ops/attention.ts";
import { embedding, embeddingSum } from "../tensor/ops/embedding.ts";
import { layerNorm } from "../tensor/ops/layer_norm.ts";
import { linear } from "../tensor/ops/linear.ts";
import { Packed } from "../tensor/packed.ts";
import type { Tensor } from "../tensor/tensor.ts";
import type { WeightMatrix } from "../tensor/weight.ts";
import type { WeightStore } from "./weight_store.ts";

const size = z.int().positive();

/** What Temper reads of a RoBERTa classifier's config.json; defaults are those of transformers. */
const schema = z.object({
  model_type: z.literal("roberta"),
  vocab_size: size.default(50265),
  hidden_size: size.default(768),
  num_hidden_layers: size.default(12),
  num_attention_heads: size.default(12),
  intermediate_size: size.default(3072),
  hidden_act: z.literal("gelu").default("gelu"),
  max_position_embeddings: size.default(512),
  type_vocab_size: size.default(2),
  layer_norm_eps: z.number().positive().default(1e-12),
  pad_token_id: z.int().nonnegative().default(1),
  position_embedding_type: z.literal("absolute").default("absolute"),
  id2label: z.record(z.string(), z.string()).default({ 0: "LABEL_0", 1: "LABEL_1" }),
});

/** Sizes and labels of a RoBERTa sequence classifier. */
export interface RobertaConfig {
  vocabSize: number;
  hiddenSize: number;
  numLayers: number;
  numHeads: number;
  intermediateSize: number;
  maxPositions: number;
  typeVocabSize: number;
  layerNormEps: number;
  padTokenId: number;
  /** Label names, by their index among the logits. */
  labels: string[];
}

/**
 * Reads a parsed config.json.
 *
 * @param path where it came from, for messages
 * @throws {UserError} naming the key that is missing or unsupported, and its value
 */
export function parseRobertaConfig(json: unknown, path: string): RobertaConfig {
  const parsed = schema.safeParse(json);
  if (!parsed.success) {
    const [issue] = parsed.error.issues;
    const key = issue.path.join(".");
    const found = JSON.stringify((json as Record<string, unknown> | null)?.[key]);
    throw new UserError(
      `${path}: "${key}" is ${found}: ${issue.message}. A reward model must be a RoBERTa classifier.`,
    );
  }
  const c = parsed.data;
  const labels = Object.keys(c.id2label).map((_, i) => c.id2label[i]);
  if (labels.includes(undefined as unknown as string)) {
    throw new UserError(
      `${path}: "id2label" has the ids ${Object.keys(c.id2label)}, expected 0 to ${
        labels.length - 1
      }.`,
    );
  }
  return {
    vocabSize: c.vocab_size,
    hiddenSize: c.hidden_size,
    numLayers: c.num_hidden_layers,
    numHeads: c.num_attention_heads,
    intermediateSize: c.intermediate_size,
    maxPositions: c.max_position_embeddings,
    typeVocabSize: c.type_vocab_size,
    layerNormEps: c.layer_norm_eps,
    padTokenId: c.pad_token_id,
    labels,
  };
}

/** A linear layer with its bias. */
interface Dense {
  readonly weight: WeightMatrix;
  readonly bias: Tensor;
}

interface Norm {
  readonly weight: Tensor;
  readonly bias: Tensor;
}

interface Layer {
  readonly query: Dense;
  readonly key: Dense;
  readonly value: Dense;
  readonly attentionOutput: Dense;
  readonly attentionNorm: Norm;
  readonly intermediate: Dense;
  readonly output: Dense;
  readonly outputNorm: Norm;
}

/** RobertaForSequenceClassification (Liu et al. 2019), named and computed as in transformers. */
export class RobertaForSequenceClassification {
  readonly #words: Tensor;
  readonly #positions: Tensor;
  readonly #types: Tensor;
  readonly #embeddingNorm: Norm;
  readonly #layers: Layer[];
  readonly #dense: Dense;
  readonly #outProj: Dense;

  constructor(readonly config: RobertaConfig, store: WeightStore) {
    const { hiddenSize: d, intermediateSize: inner, vocabSize, maxPositions } = config;
    const dense = (name: string, rows: number, columns: number): Dense => ({
      weight: store.matrix(`${name}.weight`, rows, columns),
      bias: store.tensor(`${name}.bias`, [rows]),
    });
    const norm = (name: string): Norm => ({
      weight: store.tensor(`${name}.weight`, [d]),
      bias: store.tensor(`${name}.bias`, [d]),
    });
    const embeddings = "roberta.embeddings";
    this.#words = store.table(`${embeddings}.word_embeddings.weight`, vocabSize, d);
    this.#positions = store.table(`${embeddings}.position_embeddings.weight`, maxPositions, d);
    this.#types = store.table(
      `${embeddings}.token_type_embeddings.weight`,
      config.typeVocabSize,
      d,
    );
    this.#embeddingNorm = norm(`${embeddings}.LayerNorm`);
    this.#layers = Array.from({ length: config.numLayers }, (_, i) => {
      const layer = `roberta.encoder.layer.${i}`;
      return {
        query: dense(`${layer}.attention.self.query`, d, d),
        key: dense(`${layer}.attention.self.key`, d, d),
        value: dense(`${layer}.attention.self.value`, d, d),
        attentionOutput: dense(`${layer}.attention.output.dense`, d, d),
        attentionNorm: norm(`${layer}.attention.output.LayerNorm`),
        intermediate: dense(`${layer}.intermediate.dense`, inner, d),
        output: dense(`${layer}.output.dense`, d, inner),
        outputNorm: norm(`${layer}.output.LayerNorm`),
      };
    });
    this.#dense = dense("classifier.dense", d, d);
    this.#outProj = dense("classifier.out_proj", config.labels.length, d);
  }

  /** The longest sequence there are positions for: they count from padTokenId + 1. */
  get maxLength(): number {
    return this.config.maxPositions - this.config.padTokenId - 1;
  }

  /** Logits [B, labels] of token sequences of at most `maxLength` tokens. */
  logits(cx: Context, sequences: readonly (readonly number[])[]): Tensor {
    const { numHeads, hiddenSize } = this.config;
    const inputs = Packed.create(cx, sequences);
    let h = this.#embed(cx, inputs, sequences);
    for (const layer of this.#layers) {
      h = cx.layer(h, (h) => {
        const q = affine(cx, h, layer.query);
        const k = affine(cx, h, layer.key);
        const v = affine(cx, h, layer.value);
        const attended = attention(cx, q, k, v, {
          heads: numHeads,
          scale: 1 / Math.sqrt(hiddenSize / numHeads),
          causal: false,
          bias: null,
          queries: inputs,
          keys: inputs,
        });
        const x = this.#norm(
          cx,
          affine(cx, attended, layer.attentionOutput, h),
          layer.attentionNorm,
        );
        const inner = activation(cx, affine(cx, x, layer.intermediate), "gelu");
        return this.#norm(cx, affine(cx, inner, layer.output, x), layer.outputNorm);
      });
    }
    const first = embedding(cx, h, inputs.starts);
    return affine(cx, activation(cx, affine(cx, first, this.#dense), "tanh"), this.#outProj);
  }

  #embed(cx: Context, inputs: Packed, sequences: readonly (readonly number[])[]): Tensor {
    const { padTokenId } = this.config;
    // As transformers: padding tokens, which a text can contain by name, have no position of their own.
    const positions = sequences.flatMap((ids) => {
      let position = padTokenId;
      return ids.map((id) => id === padTokenId ? padTokenId : ++position);
    });
    const sum = embeddingSum(cx, [
      { table: this.#words, ids: inputs.ids },
      { table: this.#positions, ids: cx.from(Int32Array.from(positions)) },
      { table: this.#types, ids: cx.from(new Int32Array(inputs.total)) },
    ]);
    return this.#norm(cx, sum, this.#embeddingNorm);
  }

  #norm(cx: Context, x: Tensor, { weight, bias }: Norm): Tensor {
    return layerNorm(cx, x, weight, bias, this.config.layerNormEps);
  }
}

/** x Wᵀ + bias (+ residual) */
function affine(
  cx: Context,
  x: Tensor,
  { weight, bias }: Dense,
  residual: Tensor | null = null,
): Tensor {
  return linear(cx, x, weight, { bias, residual });
}
