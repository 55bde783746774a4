import type { GpuDevice, Span } from "../../lib/device/device.ts";
import { wgsl } from "../wgsl.ts";
import tileCode from "./attention.wgsl" with { type: "text" };
import decodeCode from "./attention_decode.wgsl" with { type: "text" };
import { type Attention, operandArguments } from "./operands.ts";
import { ATTENTION_GPU, COLUMNS, TILE } from "./signatures.ts";
import softmax from "./softmax.wgsl" with { type: "text" };
import tiles from "./tiles.wgsl" with { type: "text" };

/** The widest head that the kernel for one query has a thread for. */
const MAX_DECODE_COLUMNS = 256;

const shared = tiles + softmax;
const forwardShader = wgsl(ATTENTION_GPU, "attention/attention.wgsl", tileCode, { shared })();
const decode = wgsl(ATTENTION_GPU, "attention/attention_decode.wgsl", decodeCode, { shared });
const decodeShaders = new Map(
  [32, 64, 128, MAX_DECODE_COLUMNS].map((columns) =>
    [columns, decode({ DECODE_COLUMNS: columns }, "attention_decode")] as const
  ),
);

/** Launches the forward pass: for one query a sequence, as in decoding, a kernel of its own. */
export function attentionGpu(device: GpuDevice, p: Attention, o: Span, lse: Span | null): void {
  const decodes = p.queries.maxLength === 1 && p.headSize <= MAX_DECODE_COLUMNS;
  const blocks = decodes ? 1 : Math.ceil(p.queries.maxLength / TILE);
  const parts = decodes ? 1 : Math.ceil(p.headSize / COLUMNS);
  const items = p.sequences * p.heads * blocks * parts;
  const shader = decodes ? decodeShaders.get(decodeColumns(p.headSize))! : forwardShader;
  const work = { items, blocks, parts, scale: p.scale };
  device.dispatch(shader, items, { o, lse, ...operandArguments(p), ...work });
}

/** The power of two from 32 on that a head fits in. */
function decodeColumns(headSize: number): number {
  return Math.max(32, 2 ** Math.ceil(Math.log2(headSize)));
}
