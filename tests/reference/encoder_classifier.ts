import type { EncoderConfig } from "../../lib/models/encoder_config.ts";
import { functions } from "./activation.ts";

/** Values of a weight by its name in the checkpoint. */
type Weights = (name: string) => ArrayLike<number>;
type Matrix = Float64Array[];

/**
 * The logits of `BertForSequenceClassification`, or with `config.modelType` of DistilBERT's, for one
 * sequence, in f64: written after their papers and transformers' names, and nothing shared with lib/.
 */
export function encoderLogits(
  config: EncoderConfig,
  weights: Weights,
  ids: readonly number[],
): Float64Array {
  const { hiddenSize: d, numHeads, layerNormEps } = config;
  const distil = config.modelType === "distilbert";
  const affine = (x: Matrix, name: string): Matrix => {
    const [w, b] = [weights(`${name}.weight`), weights(`${name}.bias`)];
    return x.map((row) =>
      Float64Array.from({ length: b.length }, (_, o) => {
        let sum = b[o];
        for (let i = 0; i < row.length; i++) sum += row[i] * w[o * row.length + i];
        return sum;
      })
    );
  };
  const norm = (x: Matrix, name: string): Matrix => {
    const [w, b] = [weights(`${name}.weight`), weights(`${name}.bias`)];
    return x.map((row) => {
      const mean = row.reduce((s, v) => s + v, 0) / d;
      const variance = row.reduce((s, v) => s + (v - mean) ** 2, 0) / d;
      return row.map((v, i) => (v - mean) / Math.sqrt(variance + layerNormEps) * w[i] + b[i]);
    });
  };
  const add = (x: Matrix, y: Matrix): Matrix => x.map((row, r) => row.map((v, i) => v + y[r][i]));

  const model = distil ? "distilbert" : "bert";
  const table = (name: string) => weights(`${model}.embeddings.${name}_embeddings.weight`);
  const embedded = ids.map((id, position) =>
    Float64Array.from(
      { length: d },
      (_, i) =>
        table("word")[id * d + i] + table("position")[position * d + i] +
        (distil ? 0 : table("token_type")[i]),
    )
  );
  let h = norm(embedded, `${model}.embeddings.LayerNorm`);
  for (let layer = 0; layer < config.numLayers; layer++) {
    const at = distil ? `distilbert.transformer.layer.${layer}.` : `bert.encoder.layer.${layer}.`;
    const [q, k, v] = ["q", "k", "v"].map((which) => {
      const bert = { q: "query", k: "key", v: "value" }[which];
      return affine(h, at + (distil ? `attention.${which}_lin` : `attention.self.${bert}`));
    });
    const size = d / numHeads;
    const attended = q.map((query) => {
      const out = new Float64Array(d);
      for (let head = 0; head < numHeads; head++) {
        const columns = Array.from({ length: size }, (_, i) => head * size + i);
        const scores = k.map((key) =>
          columns.reduce((s, c) => s + query[c] * key[c], 0) / Math.sqrt(size)
        );
        const powers = scores.map(Math.exp);
        const total = powers.reduce((s, p) => s + p, 0);
        for (const c of columns) {
          out[c] = v.reduce((s, row, j) => s + powers[j] / total * row[c], 0);
        }
      }
      return out;
    });
    const projected = affine(
      attended,
      at + (distil ? "attention.out_lin" : "attention.output.dense"),
    );
    const x = norm(
      add(projected, h),
      at + (distil ? "sa_layer_norm" : "attention.output.LayerNorm"),
    );
    const inner = affine(x, at + (distil ? "ffn.lin1" : "intermediate.dense"))
      .map((row) => row.map(functions.gelu));
    h = norm(
      add(affine(inner, at + (distil ? "ffn.lin2" : "output.dense")), x),
      at + (distil ? "output_layer_norm" : "output.LayerNorm"),
    );
  }
  const first = affine([h[0]], distil ? "pre_classifier" : "bert.pooler.dense")
    .map((row) => row.map((value) => distil ? Math.max(0, value) : Math.tanh(value)));
  return affine(first, "classifier")[0];
}
