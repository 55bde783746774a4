import type { GpuDevice, Span } from "../../lib/device/device.ts";
import { wgsl } from "../wgsl.ts";
import biasReduceCode from "./attention_bias_reduce.wgsl" with { type: "text" };
import backwardCode from "./attention_backward.wgsl" with { type: "text" };
import statisticsCode from "./attention_statistics.wgsl" with { type: "text" };
import { windowOf } from "./attention_gpu.ts";
import {
  type Attention,
  type AttentionGradients,
  type GradientTarget,
  keyHeadsOf,
} from "./operands.ts";
import ownGradients from "./own_gradients.wgsl" with { type: "text" };
import prefixedGradients from "./prefixed_gradients.wgsl" with { type: "text" };
import {
  ATTENTION_BIAS_REDUCE,
  ATTENTION_GRADIENT,
  ATTENTION_GRADIENT_PREFIXED,
  ATTENTION_STATISTICS,
  COLUMNS,
  TILE,
} from "./signatures.ts";
import { type AttentionTables, withTables } from "./tables_gpu.ts";
import tiles from "./tiles.wgsl" with { type: "text" };

const FILE = "attention/attention_backward.wgsl";

const gradient = wgsl(ATTENTION_GRADIENT, FILE, backwardCode, { shared: tiles + ownGradients });
const prefixedGradient = wgsl(ATTENTION_GRADIENT_PREFIXED, FILE, backwardCode, {
  shared: tiles + prefixedGradients,
});
const own = {
  dq: gradient({ BY_KEY: 0, OF_VALUES: 0 }),
  dk: gradient({ BY_KEY: 1, OF_VALUES: 0 }),
  dv: gradient({ BY_KEY: 1, OF_VALUES: 1 }),
};
/** With a prefix, by the keys that they are from. */
const [besidePrefix, ofPrefix] = [0, 1].map((OF_PREFIX) => ({
  dq: prefixedGradient({ BY_KEY: 0, OF_VALUES: 0, OF_PREFIX }),
  dk: prefixedGradient({ BY_KEY: 1, OF_VALUES: 0, OF_PREFIX }),
  dv: prefixedGradient({ BY_KEY: 1, OF_VALUES: 1, OF_PREFIX }),
}));
const biasPartialsShader = gradient({}, "attention_bias_partials");
const statisticsShader = wgsl(
  ATTENTION_STATISTICS,
  "attention/attention_statistics.wgsl",
  statisticsCode,
)();
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

/** Keys and values, all or a prefix or those beside it, and the gradients that are wanted. */
interface KeyPart {
  readonly k: Operand;
  readonly v: Operand;
  readonly maxKeys: number;
  /** Number of groups of sequences that have the same keys. */
  readonly groups: number;
  readonly dq: GradientTarget | null;
  readonly dk: GradientTarget | null;
  readonly dv: GradientTarget | null;
}

/** Launches a kernel for each gradient that is wanted; which operands are which: see the WGSL. */
export function attentionBackwardGpu(device: GpuDevice, p: Attention, g: AttentionGradients): void {
  const { scale, keys, prefix } = p;
  const ownKeys: KeyPart = {
    k: { span: p.k, stride: p.kStride },
    v: { span: p.v, stride: p.vStride },
    maxKeys: keys.maxLength,
    groups: p.sequences,
    ...g,
  };
  withTables(device, p, prefix?.sharing ?? null, (tables) => {
    const statistics = launchStatistics(device, p, g, tables);
    const launches = (part: KeyPart) => gradients(p, g, statistics, part);
    if (prefix) {
      const prefixKeys: KeyPart = {
        k: { span: prefix.k, stride: prefix.kStride },
        v: { span: prefix.v, stride: prefix.vStride },
        maxKeys: prefix.rows.maxLength,
        groups: prefix.sharing?.groups ?? p.sequences,
        dq: g.dq,
        dk: added(g.prefix?.dk),
        dv: added(g.prefix?.dv),
      };
      const rows = { ...tables.rows, ...tables.prefix };
      for (const { name, groups, spans, sizes } of launches(prefixKeys)) {
        const args = { ...spans, ...rows, ...tables.sharing, ...sizes, scale };
        device.dispatch(ofPrefix[name], groups, args);
      }
      // What the queries get from the prefix is there already.
      const beside = { ...ownKeys, dq: added(g.dq?.into) };
      for (const { name, groups, spans, sizes } of launches(beside)) {
        const args = { ...spans, ...rows, order: null, groups: null, ...sizes, scale };
        device.dispatch(besidePrefix[name], groups, args);
      }
    } else {
      const inputs = { ...tables.rows, bias: p.bias?.table ?? null };
      for (const { name, groups, spans, sizes } of launches(ownKeys)) {
        device.dispatch(own[name], groups, { ...spans, ...inputs, ...sizes, scale });
      }
      if (g.dBiasPartials) {
        const wanted = { ...ownKeys, dq: { into: g.dBiasPartials, accumulate: false } };
        const [{ spans, sizes }] = launches(wanted);
        const items = p.sequences * p.heads;
        const groups = threadGroups(items * (2 * p.bias!.reach + 1));
        const args = { ...spans, ...inputs, ...sizes, items, scale };
        device.dispatch(biasPartialsShader, groups, args);
      }
    }
    device.free(statistics.buffer);
  });
}

function added(into: Span | null | undefined): GradientTarget | null {
  return into ? { into, accumulate: true } : null;
}

function launchStatistics(
  device: GpuDevice,
  p: Attention,
  { o, dOut, lse }: AttentionGradients,
  { rows: { queryStarts, queryLengths } }: AttentionTables,
): Span {
  const { queries: { maxLength: maxQueries }, heads, headSize } = p;
  const items = p.sequences * heads;
  const statistics = { buffer: device.alloc(items * maxQueries * 8), byteOffset: 0 };
  device.dispatch(statisticsShader, threadGroups(items * maxQueries), {
    statistics,
    o,
    dOut,
    lse,
    queryStarts,
    queryLengths,
    items,
    heads,
    maxQueries,
    headSize,
  });
  return statistics;
}

/** The launches for the gradients that are wanted of a part of the keys: dq first. */
function gradients(p: Attention, g: AttentionGradients, statistics: Span, part: KeyPart) {
  const { heads, headSize } = p;
  const keyHeads = keyHeadsOf(p);
  const maxQueries = p.queries.maxLength;
  const q = { span: p.q, stride: p.qStride };
  const dOut = { span: g.dOut, stride: heads * headSize };
  const { k, v, maxKeys } = part;
  const keyItems = part.groups * keyHeads;
  const parts = Math.ceil(headSize / COLUMNS);
  return ([
    ["dq", part.dq, maxQueries, p.sequences * heads, q, k, dOut, v],
    ["dk", part.dk, maxKeys, keyItems, k, q, v, dOut],
    ["dv", part.dv, maxKeys, keyItems, k, q, null, dOut],
  ] as const).flatMap(([name, target, rows, rowItems, a, b, a2, b2]) => {
    if (!target) return [];
    const blocks = Math.ceil(rows / TILE);
    const groups = rowItems * blocks * parts;
    const spans = {
      out: target.into,
      a: a.span,
      b: b.span,
      a2: a2?.span ?? null,
      b2: b2.span,
      statistics,
    };
    const sizes = {
      items: groups,
      heads,
      keyHeads,
      blocks,
      parts,
      maxQueries,
      headSize,
      aStride: a.stride,
      bStride: b.stride,
      a2Stride: a2?.stride ?? 0,
      b2Stride: b2.stride,
      outStride: a.stride,
      causal: p.causal,
      window: windowOf(p),
      reach: p.bias?.reach ?? 0,
      accumulate: target.accumulate,
    };
    return [{ name, groups, spans, sizes }];
  });
}

/** Workgroups of 64 threads for one thread a result. */
export function threadGroups(length: number): number {
  return Math.ceil(length / 64);
}
