import type { GpuDevice, Span } from "../../lib/device/device.ts";
import { wgsl } from "../wgsl.ts";
import biasReduceCode from "./attention_bias_reduce.wgsl" with { type: "text" };
import backwardCode from "./attention_backward.wgsl" with { type: "text" };
import deltaCode from "./attention_delta.wgsl" with { type: "text" };
import type { Attention, AttentionGradients } from "./operands.ts";
import {
  ATTENTION_BIAS_REDUCE,
  ATTENTION_DELTA,
  ATTENTION_GRADIENT,
  COLUMNS,
  TILE,
} from "./signatures.ts";
import tiles from "./tiles.wgsl" with { type: "text" };

const gradient = wgsl(
  ATTENTION_GRADIENT,
  "attention/attention_backward.wgsl",
  backwardCode,
  {
    shared: tiles,
  },
);
const dqShader = gradient({ BY_KEY: 0, OF_VALUES: 0 });
const dkShader = gradient({ BY_KEY: 1, OF_VALUES: 0 });
const dvShader = gradient({ BY_KEY: 1, OF_VALUES: 1 });
const biasPartialsShader = gradient({}, "attention_bias_partials");
const deltaShader = wgsl(ATTENTION_DELTA, "attention/attention_delta.wgsl", deltaCode)();
/** Sums the gradients of the bias over the sequences. */
export const biasReduceShader = wgsl(
  ATTENTION_BIAS_REDUCE,
  "attention/attention_bias_reduce.wgsl",
  biasReduceCode,
)();

/** A matrix, and how far apart its rows are. */
interface Operand {
  readonly span: Span;
  readonly stride: number;
}

/** A, B, A2, B2 and Y of attention_backward.wgsl. */
type Operands = readonly [Operand, Operand, Operand | null, Operand | null, Operand | null];

/** Launches a kernel for each gradient that is wanted; which operands are which: see the WGSL. */
export function attentionBackwardGpu(device: GpuDevice, p: Attention, g: AttentionGradients): void {
  const { queries, keys, heads, headSize } = p;
  const items = p.sequences * heads;
  const maxQueries = queries.maxLength;
  const deltas = items * maxQueries;
  const delta = { buffer: device.alloc(deltas * 4), byteOffset: 0 };
  device.dispatch(deltaShader, threadGroups(deltas), {
    delta,
    o: g.o,
    dOut: g.dOut,
    queryStarts: queries.starts,
    queryLengths: queries.lengths,
    items,
    heads,
    maxQueries,
    headSize,
  });

  const q = { span: p.q, stride: p.qStride };
  const k = { span: p.k, stride: p.kStride };
  const v = { span: p.v, stride: p.vStride };
  const dOut = { span: g.dOut, stride: heads * headSize };
  const parts = Math.ceil(headSize / COLUMNS);
  const launch = (
    shader: typeof dqShader,
    [a, b, a2, b2, y]: Operands,
    out: Operand,
    { groups, items, blocks, accumulate }: {
      groups: number;
      items: number;
      blocks: number;
      accumulate: boolean;
    },
  ) =>
    device.dispatch(shader, groups, {
      out: out.span,
      a: a.span,
      b: b.span,
      a2: a2?.span ?? null,
      b2: b2?.span ?? null,
      y: y?.span ?? null,
      lse: g.lse,
      delta,
      queryStarts: queries.starts,
      queryLengths: queries.lengths,
      keyStarts: keys.starts,
      keyLengths: keys.lengths,
      bias: p.bias?.table ?? null,
      items,
      heads,
      blocks,
      parts,
      maxQueries,
      headSize,
      aStride: a.stride,
      bStride: b.stride,
      a2Stride: a2?.stride ?? 0,
      b2Stride: b2?.stride ?? 0,
      yStride: y?.stride ?? 0,
      outStride: out.stride,
      causal: p.causal,
      reach: p.bias?.reach ?? 0,
      accumulate,
      scale: p.scale,
    });

  for (
    const [shader, target, { stride }, rows, operands] of [
      [dqShader, g.dq, q, maxQueries, [q, k, dOut, v, k]],
      [dkShader, g.dk, k, keys.maxLength, [k, q, v, dOut, q]],
      [dvShader, g.dv, v, keys.maxLength, [k, q, null, null, dOut]],
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
    launch(biasPartialsShader, [q, k, dOut, v, null], out, sizes);
  }
  device.free(delta.buffer);
}

/** Workgroups of 64 threads for one thread a result. */
export function threadGroups(length: number): number {
  return Math.ceil(length / 64);
}
