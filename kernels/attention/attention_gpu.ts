import type { GpuDevice, Span } from "../../lib/device/device.ts";
import { wgsl } from "../wgsl.ts";
import type { Attention } from "./attention.ts";
import tileCode from "./attention.wgsl" with { type: "text" };
import decodeCode from "./attention_decode.wgsl" with { type: "text" };
import softmax from "./softmax.wgsl" with { type: "text" };
import tiles from "./tiles.wgsl" with { type: "text" };

/** Rows of a tile, and columns of the result that a workgroup has; mirrored in tiles.wgsl. */
const TILE = 32;
const COLUMNS = 64;
/** The widest head that the kernel for one query has a thread for. */
const MAX_DECODE_COLUMNS = 256;

const FORWARD = wgsl("attention", tileCode, tiles + softmax)("attention", 2);
const decode = wgsl("attention_decode", decodeCode, tiles + softmax);
const DECODE = new Map(
  [32, 64, 128, MAX_DECODE_COLUMNS].map((columns) =>
    [columns, decode("attention_decode", 2, { DECODE_COLUMNS: columns })] as const
  ),
);

/** Launches the forward pass: for one query a sequence, as in decoding, a kernel of its own. */
export function attentionGpu(device: GpuDevice, p: Attention, o: Span, lse: Span | null): void {
  const decodes = p.queries.maxLength === 1 && p.headSize <= MAX_DECODE_COLUMNS;
  const blocks = decodes ? 1 : Math.ceil(p.queries.maxLength / TILE);
  const parts = decodes ? 1 : Math.ceil(p.headSize / COLUMNS);
  const items = p.sequences * p.heads * blocks * parts;
  const shader = decodes ? DECODE.get(decodeColumns(p.headSize))! : FORWARD;
  const { queries, keys } = p;
  device.dispatch(
    shader,
    items,
    [
      o,
      lse,
      p.q,
      p.k,
      p.v,
      queries.starts,
      queries.lengths,
      keys.starts,
      keys.lengths,
      p.bias?.table ?? null,
    ],
    [
      items,
      p.heads,
      blocks,
      parts,
      p.headSize,
      p.qStride,
      p.kStride,
      p.vStride,
      Number(p.causal),
      p.bias?.reach ?? 0,
    ],
    [p.scale],
  );
}

/** The power of two from 32 on that a head fits in. */
function decodeColumns(headSize: number): number {
  return Math.max(32, 2 ** Math.ceil(Math.log2(headSize)));
}
