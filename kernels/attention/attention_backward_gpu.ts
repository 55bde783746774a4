import type { GpuDevice, Shader, Span } from "../../lib/device/device.ts";
import { wgsl } from "../wgsl.ts";
import type { Attention, AttentionGradients, GradientTarget } from "./attention.ts";
import backwardCode from "./attention_backward.wgsl" with { type: "text" };
import reductionsCode from "./reductions.wgsl" with { type: "text" };
import tiles from "./tiles.wgsl" with { type: "text" };

/** Rows of a tile, and columns of the result that a workgroup has; mirrored in tiles.wgsl. */
const TILE = 32;
const COLUMNS = 64;

const backward = wgsl("attention_backward", backwardCode, tiles);
const DQ = backward("attention_backward", 1, { BY_KEY: 0, OF_VALUES: 0 });
const DK = backward("attention_backward", 1, { BY_KEY: 1, OF_VALUES: 0 });
const DV = backward("attention_backward", 1, { BY_KEY: 1, OF_VALUES: 1 });
const BIAS_PARTIALS = backward("attention_bias_partials", 1);

const reductions = wgsl("reductions", reductionsCode);
const DELTA = reductions("attention_delta", 1);
const BIAS_REDUCE = reductions("attention_bias_reduce", 1);

/** A matrix, and how far apart its rows are. */
interface Operand {
  readonly span: Span;
  readonly stride: number;
}

/** Launches a kernel for each gradient that is wanted; which operands are which: see the WGSL. */
export function attentionBackwardGpu(device: GpuDevice, p: Attention, g: AttentionGradients): void {
  const { queries, keys, heads, headSize } = p;
  const items = p.sequences * heads;
  const maxQueries = queries.maxLength;
  const deltas = items * maxQueries;
  const delta = { buffer: device.alloc(deltas * 4), byteOffset: 0 };
  device.dispatch(
    DELTA,
    threadGroups(deltas),
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
    [a, b, a2, b2, y]: readonly (Operand | null)[],
    out: Operand,
    { groups, items, blocks, accumulate }: {
      groups: number;
      items: number;
      blocks: number;
      accumulate: boolean;
    },
  ) =>
    device.dispatch(
      shader,
      groups,
      [
        ...[out, a, b, a2, b2, y].map((operand) => operand?.span ?? null),
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

  for (
    const [shader, target, { stride }, rows, operands] of [
      [DQ, g.dq, q, maxQueries, [q, k, dOut, v, k]],
      [DK, g.dk, k, keys.maxLength, [k, q, v, dOut, q]],
      [DV, g.dv, v, keys.maxLength, [k, q, null, null, dOut]],
    ] as const
  ) {
    if (!target) continue;
    const blocks = Math.ceil(rows / TILE);
    const groups = items * blocks * parts;
    const { into: span, accumulate } = target;
    launch(shader, operands, { span, stride }, { groups, items: groups, blocks, accumulate });
  }
  if (g.dBiasPartials) {
    const groups = threadGroups(items * (2 * p.bias!.reach + 1));
    const out = { span: g.dBiasPartials, stride: 0 };
    const sizes = { groups, items, blocks: 1, accumulate: false };
    launch(BIAS_PARTIALS, [q, k, dOut, v, null], out, sizes);
  }
  device.free(delta.buffer);
}

/** Sums the bias's gradients of all sequences: see `reduceBiasPartials`. */
export function reduceBiasPartialsGpu(
  device: GpuDevice,
  partials: Span,
  dBias: GradientTarget,
  sequences: number,
  length: number,
): void {
  const ints = [sequences, length, Number(dBias.accumulate)];
  device.dispatch(BIAS_REDUCE, threadGroups(length), [dBias.into, partials], ints);
}

/** Workgroups of 64 threads for one thread a result. */
function threadGroups(length: number): number {
  return Math.ceil(length / 64);
}
