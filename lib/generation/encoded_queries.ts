import { add } from "../../kernels/elementwise/elementwise.ts";
import { attentionRows, type T5ForConditionalGeneration } from "../models/t5.ts";
import type { LoraAdapter } from "../nn/lora.ts";
import type { Context } from "../tensor/context.ts";
import { Packed } from "../tensor/packed.ts";
import type { Tensor } from "../tensor/tensor.ts";

/** What one decoder layer's attention to the encoder looks at. */
export interface CrossKeys {
  /** Keys, [N, heads · d_kv]. */
  readonly k: Tensor;
  /** Values, [N, heads · d_kv]. */
  readonly v: Tensor;
}

/** What the decoder attends to: N tokens of queries that the encoder has read. */
export interface EncodedQueries {
  /** Of each decoder layer. */
  readonly layers: readonly CrossKeys[];
  /** First of the N rows of each query. */
  readonly starts: Int32Array;
  /** Tokens of each query. */
  readonly lengths: readonly number[];
}

/** Queries of a batch that are encoded already. */
export interface EncodedPart {
  /** Which rows of the batch they are. */
  readonly rows: readonly number[];
  /** Of those rows, in their order. */
  readonly encoded: EncodedQueries;
}

/** Reads queries with the encoder; what the result holds belongs to `cx`. */
export function encodeQueries(
  cx: Context,
  model: T5ForConditionalGeneration,
  queries: readonly (readonly number[])[],
  adapter: LoraAdapter | null,
): EncodedQueries {
  const layers: CrossKeys[] = [];
  let lengths: readonly number[] = [];
  cx.scope(() => {
    const inputs = Packed.create(cx, queries);
    lengths = inputs.sequenceLengths;
    const hidden = model.encode(cx, inputs, adapter);
    for (let layer = 0; layer < model.config.numDecoderLayers; layer++) {
      layers.push(model.crossKeys(cx, layer, hidden, adapter));
    }
    return layers.flatMap(({ k, v }) => [k, v]);
  });
  return { layers, starts: startsOf(lengths), lengths };
}

/**
 * The decoder's last hidden states, [M, d_model], over answers to encoded queries: what
 * `model.decode` computes.
 *
 * @param decoderInputs one sequence for each of the queries, starting with the start token
 */
export function decodeEncoded(
  cx: Context,
  model: T5ForConditionalGeneration,
  decoderInputs: Packed,
  { layers, starts, lengths }: EncodedQueries,
  adapter: LoraAdapter | null,
): Tensor {
  const rows = attentionRows(decoderInputs);
  const crossRows = {
    starts: cx.from(starts),
    lengths: cx.from(Int32Array.from(lengths)),
    maxLength: Math.max(...lengths),
  };
  return model.decodeWith(cx, decoderInputs, adapter, {
    queries: rows,
    cross: (layer) => ({ ...layers[layer], rows: crossRows }),
  });
}

/** A batch of `count` queries from parts that are together all of it. */
export function joinEncoded(
  cx: Context,
  parts: readonly EncodedPart[],
  count: number,
): EncodedQueries {
  const starts = new Int32Array(count);
  const lengths = new Array<number>(count).fill(0);
  let tokens = 0;
  for (const { rows, encoded } of parts) {
    rows.forEach((row, i) => {
      starts[row] = tokens + encoded.starts[i];
      lengths[row] = encoded.lengths[i];
    });
    tokens += encoded.lengths.reduce((sum, length) => sum + length, 0);
  }
  const layers = parts[0].encoded.layers.map((_, layer) => {
    const pieces = parts.map(({ encoded }) => encoded.layers[layer]);
    return {
      k: concatenate(cx, pieces.map(({ k }) => k)),
      v: concatenate(cx, pieces.map(({ v }) => v)),
    };
  });
  return { layers, starts, lengths };
}

/** The rows of all tensors behind one another; a single one is itself. */
function concatenate(cx: Context, tensors: readonly Tensor[]): Tensor {
  if (tensors.length === 1) return tensors[0];
  const rows = tensors.reduce((sum, tensor) => sum + tensor.rows, 0);
  const all = cx.empty([rows, tensors[0].width]);
  let row = 0;
  for (const tensor of tensors) {
    add(cx.device, all.slice(row, tensor.rows), null, tensor, tensor.length);
    row += tensor.rows;
  }
  return all;
}

/** Where each of some consecutive runs begins. */
export function startsOf(lengths: readonly number[]): Int32Array {
  const starts = new Int32Array(lengths.length);
  for (let i = 1; i < starts.length; i++) starts[i] = starts[i - 1] + lengths[i - 1];
  return starts;
}
