/** transformers' T5ForSequenceClassification without dropout in f64, one text at a time. */
import type { T5Config } from "../../lib/models/t5/config.ts";
import { linearReference } from "./linear.ts";
import { T5Reference } from "./t5.ts";

/**
 * Logits of each text. Weights go by their names in the checkpoint.
 *
 * @param config `eosTokenIds[0]` is the token at whose last place a text is scored
 */
export function t5ClassifierReference(
  config: T5Config,
  weights: ReadonlyMap<string, Float64Array>,
  texts: readonly (readonly number[])[],
): Float64Array {
  const base = new Map(
    [...weights].map(([name, values]) => [name.replace(/^transformer\./, ""), values]),
  );
  const model = new T5Reference(config, base);
  const width = config.dModel;
  const linear = (x: Float64Array, name: string) => {
    const bias = base.get(`classification_head.${name}.bias`)!;
    const w = base.get(`classification_head.${name}.weight`)!;
    const y = linearReference({ x, w, m: 1, n: bias.length, k: width });
    return y.map((value, i) => value + bias[i]);
  };
  return Float64Array.from(texts.flatMap((ids) => {
    const shifted = [config.decoderStartTokenId, ...ids.slice(0, -1)];
    const hidden = model.decode(shifted, model.encode(ids));
    const place = ids.lastIndexOf(config.eosTokenIds[0]);
    const scored = hidden.slice(place * width, (place + 1) * width);
    return [...linear(linear(scored, "dense").map(Math.tanh), "out_proj")];
  }));
}
