import type { GpuDevice, Shader, Span } from "../../lib/device/device.ts";
import type { ElementTypes } from "../../lib/device/webgpu/shader_source.ts";
import { type ShaderMaker, wgsl } from "../wgsl.ts";
import tileCode from "./attention.wgsl" with { type: "text" };
import decodeCode from "./attention_decode.wgsl" with { type: "text" };
import { type Attention, keyHeadsOf } from "./operands.ts";
import ownKeys from "./own_keys.wgsl" with { type: "text" };
import plainHeads from "./plain_heads.wgsl" with { type: "text" };
import prefixedKeys from "./prefixed_keys.wgsl" with { type: "text" };
import { quadReaders } from "./quads.ts";
import { ATTENTION_GPU, ATTENTION_PREFIXED, COLUMNS, TILE } from "./signatures.ts";
import softmax from "./softmax.wgsl" with { type: "text" };
import { withTables } from "./tables_gpu.ts";
import tiles from "./tiles.wgsl" with { type: "text" };

/** The widest head that the kernels for one query have a thread for. */
export const MAX_DECODE_COLUMNS = 256;
/** A window that limits nothing: positions added to it are still 32-bit integers. */
const NO_WINDOW = 2 ** 30;

/** The kernel for tiles of queries, and by columns those for one query a sequence. */
interface Shaders<A> {
  readonly tiles: Shader<A>;
  readonly decode: ReadonlyMap<number, Shader<A>>;
}

/** By the width of reads: single elements, or aligned fours. */
const own = [false, true].map((wide) => shaders(ATTENTION_GPU, ownKeys, ["q", "k", "v"], wide));
const prefixed = [false, true].map((wide) =>
  shaders(ATTENTION_PREFIXED, prefixedKeys, ["q", "k", "v", "prefixK", "prefixV"], wide)
);

/** @param operands bindings that are read in quads */
function shaders<A extends object>(
  signature: Shader<A>["signature"],
  keys: string,
  operands: readonly string[],
  wide: boolean,
): Shaders<A> {
  const bindings = operands.map((name) =>
    name.replace(/[KV]$/, (letter) => `_${letter.toLowerCase()}`)
  );
  const readers = quadReaders(Object.fromEntries(bindings.map((name) => [name, name])), wide);
  const options = {
    shared: tiles + readers + softmax + keys,
    elements: wide
      ? Object.fromEntries(operands.map((name) => [name, "vec4f"])) as ElementTypes
      : {},
  };
  const decode = wgsl(signature, "attention/attention_decode.wgsl", decodeCode, {
    ...options,
    shared: options.shared + plainHeads,
  });
  return {
    tiles: wgsl(signature, "attention/attention.wgsl", tileCode, options)(),
    decode: byColumns(decode),
  };
}

/** The kernels for one query a sequence, by {@linkcode decodeColumns}. */
export function byColumns<A>(decode: ShaderMaker<A>): ReadonlyMap<number, Shader<A>> {
  const widths = [32, 64, 128, MAX_DECODE_COLUMNS];
  const shader = (columns: number) => decode({ DECODE_COLUMNS: columns }, "attention_decode");
  return new Map(widths.map((columns) => [columns, shader(columns)]));
}

/** Launches the forward pass: for one query a sequence, as in decoding, a kernel of its own. */
export function attentionGpu(device: GpuDevice, p: Attention, o: Span, lse: Span | null): void {
  const { q, k, v, queries, bias, prefix } = p;
  const decodes = queries.maxLength === 1 && p.headSize <= MAX_DECODE_COLUMNS;
  const blocks = decodes ? 1 : Math.ceil(queries.maxLength / TILE);
  const parts = decodes ? 1 : Math.ceil(p.headSize / COLUMNS);
  const items = p.sequences * p.heads * blocks * parts;
  const sizes = { ...shapeArguments(p), items, blocks, parts };
  const wide = Number(readsFours(p));
  const choose = <A>({ [wide]: { tiles, decode } }: readonly Shaders<A>[]): Shader<A> =>
    decodes ? decode.get(decodeColumns(p.headSize))! : tiles;
  const { scale } = p;
  withTables(device, p, null, (tables) => {
    if (!prefix) {
      const table = bias?.table ?? null;
      const args = { o, lse, q, k, v, ...tables.rows, bias: table, ...sizes, scale };
      return device.dispatch(choose(own), items, args);
    }
    device.dispatch(choose(prefixed), items, {
      o,
      lse,
      q,
      k,
      v,
      prefixK: prefix.k,
      prefixV: prefix.v,
      ...tables.rows,
      ...tables.prefix,
      ...sizes,
      prefixKStride: prefix.kStride,
      prefixVStride: prefix.vStride,
      scale,
    });
  });
}

/** Sizes of an attention, by their names in the kernels. */
export function shapeArguments(p: Attention) {
  return {
    heads: p.heads,
    headSize: p.headSize,
    qStride: p.qStride,
    kStride: p.kStride,
    vStride: p.vStride,
    causal: p.causal,
    reach: p.bias?.reach ?? 0,
    keyHeads: keyHeadsOf(p),
    window: windowOf(p),
  };
}

/** Keys that a query sees before and at its position. */
export function windowOf({ window }: Attention): number {
  return Math.min(window ?? NO_WINDOW, NO_WINDOW);
}

/** Tells attentions whose operands are read in whole, aligned fours. */
export function readsFours(
  { q, k, v, qStride, kStride, vStride, headSize, prefix }: Attention,
): boolean {
  const spans = prefix ? [q, k, v, prefix.k, prefix.v] : [q, k, v];
  const lengths = [headSize, qStride, kStride, vStride, prefix?.kStride ?? 0, prefix?.vStride ?? 0];
  return spans.every(({ byteOffset }) => byteOffset % 16 === 0) &&
    lengths.every((length) => length % 4 === 0);
}

/** The power of two from 32 on that a head fits in. */
export function decodeColumns(headSize: number): number {
  return Math.max(32, 2 ** Math.ceil(Math.log2(headSize)));
}
