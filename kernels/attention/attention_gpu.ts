import type { GpuDevice, Shader, Span } from "../../lib/device/device.ts";
import { wgsl } from "../wgsl.ts";
import type { Attention, AttentionGradients, GradientTarget } from "./attention.ts";
import forwardCode from "./attention.wgsl" with { type: "text" };
import backwardCode from "./attention_backward.wgsl" with { type: "text" };
import reductionsCode from "./reductions.wgsl" with { type: "text" };
import tiles from "./tiles.wgsl" with { type: "text" };

/** Rows of a tile, and columns of the result that a workgroup has; mirrored in tiles.wgsl. */
const TILE = 32;
const COLUMNS = 64;
/** The widest head that the kernel for one query has a thread for. */
const MAX_DECODE_COLUMNS = 256;

const forward = wgsl("attention", forwardCode, tiles);
const FORWARD = forward("attention", 2);
const DECODE = new Map(
  [32, 64, 128, MAX_DECODE_COLUMNS].map((columns) =>
    [columns, forward("attention_decode", 2, { DECODE_COLUMNS: columns })] as const
  ),
);

const backward = wgsl("attention_backward", backwardCode, tiles);
const DQ = backward("attention_backward", 1, { BY_KEY: 0, OF_VALUES: 0 });
const DK = backward("attention_backward", 1, { BY_KEY: 1, OF_VALUES: 0 });
const DV = backward("attention_backward", 1, { BY_KEY: 1, OF_VALUES: 1 });
const BIAS_PARTIALS = backward("attention_bias_partials", 1);

const reductions = wgsl("reductions", reductionsCode);
const DELTA = reductions("attention_delta", 1);
const BIAS_REDUCE = reductions("attention_bias_reduce", 1);

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

/** A matrix that the backward kernels read or write, and how far apart its rows are. */
interface Operand {
  readonly span: Span;
  readonly stride: number;
}

/** Launches a kernel for each gradient that is wanted. */
export function attentionBackwardGpu(device: GpuDevice, p: Attention, g: AttentionGradients): void {
  const { queries, keys, sequences, heads, headSize } = p;
  const items = sequences * heads;
  const maxQueries = queries.maxLength;
  const deltas = items * maxQueries;
  const delta = { buffer: device.alloc(deltas * 4), byteOffset: 0 };
  device.dispatch(
    DELTA,
    smallGroups(deltas),
    [delta, g.o, g.dOut, queries.starts, queries.lengths],
    [items, heads, maxQueries, headSize],
  );

  const q = { span: p.q, stride: p.qStride };
  const k = { span: p.k, stride: p.kStride };
  const v = { span: p.v, stride: p.vStride };
  const dOut = { span: g.dOut, stride: heads * headSize };
  const parts = Math.ceil(headSize / COLUMNS);
  const launch = (
    shader: Shader,
    workgroups: number,
    { items, blocks }: { items: number; blocks: number },
    [a, b, a2, b2, y]: (Operand | null)[],
    out: Operand,
    accumulate: boolean,
  ) =>
    device.dispatch(
      shader,
      workgroups,
      [
        out.span,
        ...[a, b, a2, b2, y].map((operand) => operand?.span ?? null),
        g.lse,
        delta,
        queries.starts,
        queries.lengths,
        keys.starts,
        keys.lengths,
        p.bias?.table ?? null,
      ],
      [
        items,
        heads,
        blocks,
        parts,
        maxQueries,
        headSize,
        ...[a, b, a2, b2, y, out].map((operand) => operand?.stride ?? 0),
        Number(p.causal),
        p.bias?.reach ?? 0,
        Number(accumulate),
      ],
      [p.scale],
    );
  const gradient = (
    shader: Shader,
    rows: number,
    operands: (Operand | null)[],
    target: GradientTarget | null,
    { stride }: Operand,
  ) => {
    if (!target) return;
    const blocks = Math.ceil(rows / TILE);
    const groups = items * blocks * parts;
    const out = { span: target.into, stride };
    launch(shader, groups, { items: groups, blocks }, operands, out, target.accumulate);
  };
  gradient(DQ, maxQueries, [q, k, dOut, v, k], g.dq, q);
  gradient(DK, keys.maxLength, [k, q, v, dOut, q], g.dk, k);
  gradient(DV, keys.maxLength, [k, q, null, null, dOut], g.dv, v);
  if (g.dBiasPartials) {
    const groups = smallGroups(items * (2 * p.bias!.reach + 1));
    const out = { span: g.dBiasPartials, stride: 0 };
    launch(BIAS_PARTIALS, groups, { items, blocks: 1 }, [q, k, dOut, v, null], out, false);
  }
  device.free(delta.buffer);
}

/** Sums the bias's gradients of all sequences. */
export function reduceBiasPartialsGpu(
  device: GpuDevice,
  partials: Span,
  dBias: GradientTarget,
  sequences: number,
  length: number,
): void {
  const ints = [sequences, length, Number(dBias.accumulate)];
  device.dispatch(BIAS_REDUCE, smallGroups(length), [dBias.into, partials], ints);
}

/** Workgroups of 64 threads for one thread a result. */
function smallGroups(length: number): number {
  return Math.ceil(length / 64);
}

/** The power of two from 32 on that a head fits in. */
function decodeColumns(headSize: number): number {
  return Math.max(32, 2 ** Math.ceil(Math.log2(headSize)));
}
