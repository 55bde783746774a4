import type { Binding, Device, GpuDevice, Span } from "../../lib/device/device.ts";
import { ACTIVATION_KINDS, type ActivationKind } from "../activation/activation.ts";
import valueAndSlope from "../activation/value_and_slope.wgsl" with { type: "text" };
import { numbered, wgsl } from "../wgsl.ts";
import fours from "./matmul_fours.wgsl" with { type: "text" };
import {
  chooseVariant,
  defaultVariant,
  fewRowsClass,
  matmulVariants,
  SKINNY_SIZE,
  SUBGROUP_VARIANT,
} from "./matmul_variants.ts";
import shared from "./matmul_several.wgsl" with { type: "text" };
import broadcastCode from "./matmul_several_broadcast.wgsl" with { type: "text" };
import broadcastProduct from "./matmul_several_broadcast_product.wgsl" with { type: "text" };
import fewRows from "./matmul_several_few_rows.wgsl" with { type: "text" };
import weightFours from "./matmul_several_fours.wgsl" with { type: "text" };
import narrowCode from "./matmul_several_narrow.wgsl" with { type: "text" };
import narrowChunks from "./matmul_several_narrow_chunks.wgsl" with { type: "text" };
import product from "./matmul_several_product.wgsl" with { type: "text" };
import skinnyCode from "./matmul_several_skinny.wgsl" with { type: "text" };
import skinnyChunks from "./matmul_several_skinny_chunks.wgsl" with { type: "text" };
import store from "./matmul_several_store.wgsl" with { type: "text" };
import slices from "./matmul_slices.wgsl" with { type: "text" };
import { ELEMENT_BYTES } from "./product.ts";
import { MATMUL_SEVERAL, MAX_PRODUCTS } from "./signatures.ts";

/** A window over a large block begins up to so many bytes before the weight. */
const ALIGNMENT = 256;

/**
 * One of several products: C[M, n] = A Wᵀ + scale · (U Bᵀ) (+ bias). Those of one dispatch have their W in
 * one block, and so their biases, their U, their B, what is placed of their C, and what is not.
 */
export interface SeveralProduct {
  readonly c: Span;
  /** W[n, K], row-major. */
  readonly w: Span;
  readonly n: number;
  /** f32 [n], added to each row. Default null: none. */
  readonly bias?: Span | null;
  /** Writes row i of the product to row `rows[i]` of what `c` begins; without `rows`, to row i. */
  readonly placed?: boolean;
  readonly lowRank?: {
    /** U[M, rank] */
    readonly u: Span;
    /** B[n, rank], f32 row-major. */
    readonly b: Span;
    readonly rank: number;
    readonly scale: number;
  } | null;
}

/** Products of one A with one to three weights of one type. */
export interface SeveralProducts {
  /** f32 [M, K] */
  readonly a: Span;
  readonly m: number;
  readonly k: number;
  readonly dtype: "f32" | "bf16";
  readonly products: readonly SeveralProduct[];
  /** i32 [M], distinct: where the rows of placed products go. Default null: one after the other. */
  readonly rows?: Span | null;
  /** Activation function of the first product. Default null: none. */
  readonly activation?: ActivationKind | null;
  /** Multiplies the first product, activated, by the second, of equal n, which is not written. */
  readonly gated?: boolean;
}

const common = shared + valueAndSlope + numbered(store, MAX_PRODUCTS);
const readsFours = fours + numbered(weightFours, MAX_PRODUCTS);
const inSlices = slices + fewRows + numbered(product, MAX_PRODUCTS);
/** Types of elements for kernels that read four at once. */
const elements = { a: "vec4f", w: "vec2u", u: "vec4f", b: "vec4f" } as const;
const skinnyKernel = wgsl(
  MATMUL_SEVERAL,
  "matmul/matmul_several_skinny.wgsl",
  skinnyCode + numbered(skinnyChunks, MAX_PRODUCTS),
  { shared: common + inSlices },
);
const narrowKernel = wgsl(
  MATMUL_SEVERAL,
  "matmul/matmul_several_narrow.wgsl",
  narrowCode + numbered(narrowChunks, MAX_PRODUCTS),
  { shared: common + inSlices + readsFours, elements },
);
const broadcastKernel = wgsl(
  MATMUL_SEVERAL,
  "matmul/matmul_several_broadcast.wgsl",
  broadcastCode + numbered(broadcastProduct, MAX_PRODUCTS),
  { shared: common + readsFours, elements },
);
type SeveralShader = ReturnType<typeof skinnyKernel>;

/** The text of all variants: others are measured, and those with subgroups proved, again. */
export const SEVERAL_CODE: string = [
  ...[common, inSlices, readsFours, skinnyCode, skinnyChunks, narrowCode, narrowChunks],
  ...[broadcastCode, broadcastProduct],
].join();

/** A way to compute the products, after the variant of `matmul` of the same name. */
interface SeveralVariant {
  /** Name in the tuning. */
  readonly name: string;
  /** True where it reads four elements at once. */
  readonly fours: boolean;
  /** Rows and columns of a product that a workgroup computes. */
  readonly rows: number;
  readonly columns: number;
  readonly shader: (p: SeveralProducts) => SeveralShader;
}

const VARIANTS = new Map([
  ...[[4, 4, 8], [8, 4, 8], [4, 1, 32], [8, 1, 16]].map((threads) => sliced("skinny", threads)),
  ...[[4, 4, 16], [2, 4, 32], [4, 1, 32]].map((threads) => sliced("narrow", threads)),
].map((variant) => [variant.name, variant]));
const BROADCAST = new Map([8, 16, 32, 64].map((size) => [size, broadcast(size)]));

/** @param threads threads along the columns and the rows, and chunks of k at once */
function sliced(kind: "skinny" | "narrow", threads: number[]): SeveralVariant {
  const [columnThreads, lineThreads, slices] = threads;
  const constants = { COLUMN_THREADS: columnThreads, LINE_THREADS: lineThreads, SLICES: slices };
  const kernel = kind === "skinny" ? skinnyKernel : narrowKernel;
  return {
    name: [kind, ...threads].join(" "),
    fours: kind === "narrow",
    rows: 4 * lineThreads,
    columns: 4 * columnThreads,
    shader: cached(kernel, `several_${kind}`, constants),
  };
}

function broadcast(subgroupSize: number): SeveralVariant {
  return {
    name: SUBGROUP_VARIANT,
    fours: true,
    rows: 8,
    columns: 4 * subgroupSize,
    shader: cached(broadcastKernel, "several_broadcast", { SUBGROUP: subgroupSize }),
  };
}

/** A kernel is one object for each set of constants: the device compiles it once. */
function cached(make: typeof skinnyKernel, entryPoint: string, constants: Record<string, number>) {
  const shaders = new Map<string, SeveralShader>();
  return ({ dtype, activation = null, gated = false }: SeveralProducts): SeveralShader => {
    const key = [dtype, activation, gated].join();
    let shader = shaders.get(key);
    if (!shader) {
      shader = make({
        ...constants,
        BF16: Number(dtype === "bf16"),
        GATED: Number(gated),
        ...(activation ? { ACTIVATION: ACTIVATION_KINDS[activation] } : {}),
      }, entryPoint);
      shaders.set(key, shader);
    }
    return shader;
  };
}

/** Class of several products in the tuning. */
export function severalClass(m: number, dtype: "f32" | "bf16"): string {
  return `several ${fewRowsClass(m)} ${dtype}`;
}

/** Names of the variants that a GPU can run; that with subgroups where it has proved to be equal. */
export function severalVariants(device: GpuDevice): string[] {
  return matmulVariants(device).map(({ name }) => name)
    .filter((name) => VARIANTS.has(name) || name === SUBGROUP_VARIANT);
}

/**
 * The variant that was measured to be the fastest; else the one that `matmul` takes for such a product;
 * where that has tiles, the default for few rows.
 */
export function chooseSeveral(
  device: GpuDevice,
  { a, m, k, dtype, products }: SeveralProducts,
): SeveralVariant {
  const whole = (span: Span, depth: number) => span.byteOffset % 16 === 0 && depth % 4 === 0;
  const fours = whole(a, k) &&
    products.every(({ w, lowRank }) =>
      whole(w, k) && (!lowRank || whole(lowRank.u, lowRank.rank) && whole(lowRank.b, lowRank.rank))
    );
  const [{ n }] = products;
  const traits = { m, n, dtype, aAlongK: true, bAlongK: true, b2AlongK: true, fours };
  const tuned = device.tuning.get(severalClass(m, dtype)) ?? "";
  for (const name of [tuned, chooseVariant(device, traits).variant.name]) {
    const found = name === SUBGROUP_VARIANT && device.usesSubgroups
      ? BROADCAST.get(device.subgroupSize!)
      : VARIANTS.get(name);
    if (found && (fours || !found.fours)) return found;
  }
  return VARIANTS.get(defaultVariant(traits).variant.name)!;
}

/** A layer whose product may be one of several. */
export interface SeveralWeight {
  /** W[n, K], row-major. */
  readonly w: Span;
  readonly n: number;
  readonly dtype: "f32" | "bf16";
  readonly bias: Span | null;
  /** B[n, rank] of a low-rank update; null for none. */
  readonly b: Span | null;
}

/**
 * Tells devices that should compute the products of `m` rows of depth `k` with these weights by
 * {@linkcode matmulSeveral}: they have the kernel, feel the number of launches, and can bind the
 * weights.
 */
export function fusesProducts(
  device: Device,
  m: number,
  k: number,
  weights: readonly SeveralWeight[],
): device is GpuDevice {
  if (device.kind !== "webgpu" || m > SKINNY_SIZE || weights.length > MAX_PRODUCTS) return false;
  const [{ dtype }] = weights;
  if (weights.some((weight) => weight.dtype !== dtype)) return false;
  const most = Math.max(...weights.map(({ n }) => n)) * k * ELEMENT_BYTES[dtype];
  return most + ALIGNMENT <= device.maxBindingBytes &&
    device.bindsTogether(weights.map(({ w, n }) => bound(w, n * k * ELEMENT_BYTES[dtype]))) &&
    device.bindsTogether(weights.map(({ bias, n }) => bias && bound(bias, n * 4))) &&
    device.bindsTogether(weights.map(({ b }) => b));
}

/** The part of a span that is bound. */
function bound({ buffer, byteOffset }: Span, byteLength: number): Binding {
  return { buffer, byteOffset, byteLength };
}

/**
 * Computes several products of few rows in one dispatch. Each element is summed in the order in
 * which `matmul` sums it: the result is the same, bit for bit.
 */
export function matmulSeveral(device: GpuDevice, p: SeveralProducts): void {
  const { a, m, k, dtype, products, rows = null, gated = false } = p;
  const variant = chooseSeveral(device, p);
  const each = <T>(value: (product: SeveralProduct, i: number) => T, none: T): T[] =>
    Array.from(
      { length: MAX_PRODUCTS },
      (_, i) => i < products.length ? value(products[i], i) : none,
    );
  const pieces = products.map(({ n }) => Math.ceil(n / variant.columns));
  const groups = gated ? pieces[0] : pieces.reduce((sum, count) => sum + count, 0);
  const written = (i: number) => !gated || i === 0;
  const [c_0, c_1, c_2] = each<Span | null>(
    ({ c, placed }, i) => written(i) && !placed ? c : null,
    null,
  );
  const [placed_0, placed_1, placed_2] = each<Span | null>(
    ({ c, placed }, i) => written(i) && placed ? c : null,
    null,
  );
  const [w_0, w_1, w_2] = each(({ w, n }) => bound(w, n * k * ELEMENT_BYTES[dtype]), null);
  const [b_0, b_1, b_2] = each(
    ({ lowRank, n }) => lowRank ? bound(lowRank.b, n * lowRank.rank * 4) : null,
    null,
  );
  const [u_0, u_1, u_2] = each<Span | null>(({ lowRank }) => lowRank?.u ?? null, null);
  const [bias_0, bias_1, bias_2] = each(({ bias, n }) => bias ? bound(bias, n * 4) : null, null);
  const [n_0, n_1, n_2] = each(({ n }) => n, 0);
  const [rank_0, rank_1, rank_2] = each(({ lowRank }) => lowRank?.rank ?? 0, 0);
  const [scale_0, scale_1, scale_2] = each(({ lowRank }) => lowRank?.scale ?? 0, 0);
  device.dispatch(variant.shader(p), [groups, Math.ceil(m / variant.rows), 1], {
    c_0,
    c_1,
    c_2,
    placed_0,
    placed_1,
    placed_2,
    a,
    w_0: w_0!,
    w_1,
    w_2,
    u_0,
    u_1,
    u_2,
    b_0,
    b_1,
    b_2,
    bias_0,
    bias_1,
    bias_2,
    rows,
    m,
    k,
    n_0,
    n_1,
    n_2,
    rank_0,
    rank_1,
    rank_2,
    scale_0,
    scale_1,
    scale_2,
  });
}
