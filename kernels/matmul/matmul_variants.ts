import type { GpuDevice } from "../../lib/device/device.ts";
import { numberedLines, wgsl } from "../wgsl.ts";
import elementsCode from "./matmul_elements.wgsl" with { type: "text" };
import fewRows from "./matmul_few_rows.wgsl" with { type: "text" };
import fours from "./matmul_fours.wgsl" with { type: "text" };
import narrowCode from "./matmul_narrow.wgsl" with { type: "text" };
import shared from "./matmul_shared.wgsl" with { type: "text" };
import skinnyCode from "./matmul_skinny.wgsl" with { type: "text" };
import slices from "./matmul_slices.wgsl" with { type: "text" };
import stagedCode from "./matmul_staged.wgsl" with { type: "text" };
import subgroupsCode from "./matmul_subgroups.wgsl" with { type: "text" };
import tiledCode from "./matmul_tiled.wgsl" with { type: "text" };
import { MATMUL_GPU } from "./signatures.ts";

/** The kernel of a variant. */
export type MatmulShader = ReturnType<typeof tiledKernel>;

/** Traits of a product that the choice of a variant depends on. */
export interface ProductTraits {
  /** Rows of C. */
  readonly m: number;
  /** Columns of C. */
  readonly n: number;
  /** Type of B. */
  readonly dtype: "f32" | "bf16";
  /** Neighbours in A, B and B2 are along k; else along the rows or columns. */
  readonly aAlongK: boolean;
  readonly bAlongK: boolean;
  readonly b2AlongK: boolean;
  /** All that is contiguous comes in whole, aligned fours, as most variants read it. */
  readonly fours: boolean;
}

/** A way to compute a product; all give the same result, bit for bit. */
export interface MatmulVariant {
  /** Name in the tuning. */
  readonly name: string;
  /** Rows and columns of C that a workgroup computes. */
  readonly rows: number;
  readonly columns: number;
  /** Chunks of k computed at once: more than 1 for a small C. */
  readonly slices: number;
  /** The kernel for a product; null where it cannot compute that. */
  shader(traits: ProductTraits): MatmulShader | null;
}

/** Name of the variant that uses subgroups. */
export const SUBGROUP_VARIANT = "broadcast";

/** Up to so many rows, or columns of many rows, variants with slices of k are the faster. */
export const SKINNY_SIZE = 64;

/** Lines with I, four times. */
const fourfold = (code: string) => numberedLines(code, 4, "I");

const tiledKernel = wgsl(MATMUL_GPU, "matmul/matmul_tiled.wgsl", fourfold(tiledCode), {
  shared: shared + elementsCode,
});
const skinnyKernel = wgsl(MATMUL_GPU, "matmul/matmul_skinny.wgsl", skinnyCode, {
  shared: shared + slices + fewRows + elementsCode,
});
/** Operands in groups of four elements; B is bf16 or f32, so in pairs of words. */
const elements = { a: "vec4f", b: "vec2u", a2: "vec4f", b2: "vec4f" } as const;
const narrowKernel = wgsl(MATMUL_GPU, "matmul/matmul_narrow.wgsl", narrowCode, {
  shared: shared + slices + fewRows + fours,
  elements,
});
const broadcastKernel = wgsl(MATMUL_GPU, "matmul/matmul_subgroups.wgsl", fourfold(subgroupsCode), {
  shared: shared + fours,
  elements,
});

/** Variants for every GPU: tiles by workgroup size, and the skinny ones' by slices of k. */
const TILED = tiled(16, 8);
const SKINNY = skinny(4, 4, 8);
const SKINNIEST = skinny(4, 1, 32);
/** Those that read fours, by columns, rows and slices of k of a workgroup. */
const NARROW = narrow(4, 4, 16);
const NARROWEST = narrow(4, 1, 32);
const PORTABLE = [
  TILED,
  tiled(16, 16),
  tiled(8, 8),
  SKINNY,
  skinny(8, 4, 8),
  SKINNIEST,
  skinny(8, 1, 16),
  NARROW,
  narrow(2, 4, 32),
  NARROWEST,
  staged(16, 8, 1),
  staged(16, 16, 2),
];

const BROADCAST = new Map([8, 16, 32, 64].map((size) => [size, broadcast(size)]));

/** Tells devices with a variant for their subgroups. */
export function hasSubgroupVariant({ subgroupSize }: GpuDevice): boolean {
  return subgroupSize !== null && BROADCAST.has(subgroupSize);
}

/** Every variant that a GPU can run; that with subgroups where it has proved to be equal. */
export function matmulVariants({ subgroupSize, usesSubgroups }: GpuDevice): MatmulVariant[] {
  const broadcast = usesSubgroups && subgroupSize !== null && BROADCAST.get(subgroupSize);
  return broadcast ? [...PORTABLE, broadcast] : [...PORTABLE];
}

/** Variants worth measuring for a product: those whose tiles are mostly used, and that suit the size of C. */
export function usefulVariants(device: GpuDevice, traits: ProductTraits): MatmulVariant[] {
  const { m, n } = traits;
  const isLarge = m > SKINNY_SIZE && n > SKINNY_SIZE;
  return matmulVariants(device).filter((variant) =>
    variant.shader(traits) !== null &&
    variant.rows <= Math.max(16, 4 * m) && variant.columns <= Math.max(16, 4 * n) &&
    !(isLarge && variant.slices > 1)
  );
}

/** Maximum number of columns of a layer; an LM head has more. */
const MANY_COLUMNS = 4096;
/** Bounds of the classes by the number of 64 x 64 tiles: a GPU's processors get one, a few, or many. */
const FEW_TILES = [128, 512];

/**
 * Name of a product's class in the tuning. Which variant is fast depends mostly on the number of
 * workgroups, and on how much of their tiles is used.
 */
export function shapeClass({ m, n, dtype, aAlongK, bAlongK }: ProductTraits): string {
  return `${sizeClass(m, n)} ${dtype} ${aAlongK ? "A" : "Aᵀ"} ${bAlongK ? "Bᵀ" : "B"}`;
}

function sizeClass(m: number, n: number): string {
  if (m <= SKINNY_SIZE) return n <= MANY_COLUMNS ? fewRowsClass(m) : `${fewRowsClass(m)} x 4097-`;
  if (isNarrow(m, n)) return "65- x 1-64";
  const tiles = Math.ceil(m / 64) * Math.ceil(n / 64);
  const [few, some] = FEW_TILES;
  return tiles <= few ? "1-128 tiles" : tiles <= some ? "129-512 tiles" : "513- tiles";
}

/** Class of up to {@linkcode SKINNY_SIZE} rows. */
export function fewRowsClass(m: number): string {
  return m <= 4 ? "1-4" : m <= 16 ? "5-16" : "17-64";
}

/**
 * Tells products of many rows with few columns, as an adapter's: tiles of all columns would be few,
 * each with a long sum.
 */
function isNarrow(m: number, n: number): boolean {
  return m > SKINNY_SIZE && n <= SKINNY_SIZE;
}

/** Rows and columns of one product for each class of sizes. */
const SIZES = [
  ...[1, 5, 17].flatMap((m) => [[m, 1], [m, MANY_COLUMNS + 1]]),
  ...[[65, 1], [65, 65], [65, 64 * 65], [1024, 64 * 33]],
];

/** Every name that {@linkcode shapeClass} gives. */
export function shapeClasses(): string[] {
  const flags = [true, false];
  return SIZES.flatMap(([m, n]) =>
    (["f32", "bf16"] as const).flatMap((dtype) =>
      flags.flatMap((aAlongK) =>
        flags.map((bAlongK) =>
          shapeClass({ m, n, dtype, aAlongK, bAlongK, b2AlongK: true, fours: true })
        )
      )
    )
  );
}

/** The text of all variants and the classes: what was tuned for others is tuned again. */
export const MATMUL_CODE: string = [
  ...[shared, elementsCode, fours, slices, fewRows],
  ...[tiledCode, skinnyCode, narrowCode, stagedCode, subgroupsCode],
  ...shapeClasses(),
].join();

/** A variant that can compute a product, and its kernel. */
interface ChosenVariant {
  readonly variant: MatmulVariant;
  readonly shader: MatmulShader;
}

/**
 * The variant and its kernel for a product: what tuning found fastest, else {@linkcode defaultVariant}.
 * On software adapters `broadcast`, whose lack of barriers they like; GPUs keep to workgroup memory.
 */
export function chooseVariant(
  device: GpuDevice,
  traits: ProductTraits,
): ChosenVariant {
  const tuned = device.tuning.get(shapeClass(traits));
  const variants = matmulVariants(device);
  const wanted = tuned !== undefined
    ? variants.find(({ name }) => name === tuned)
    : device.software
    ? variants.find(({ name }) => name === SUBGROUP_VARIANT)
    : undefined;
  const shader = wanted?.shader(traits);
  return wanted && shader ? { variant: wanted, shader } : defaultVariant(traits);
}

/** The variant and its kernel for a product where nothing was measured. */
export function defaultVariant(traits: ProductTraits): ChosenVariant {
  const { m, n } = traits;
  const isSkinny = m <= SKINNY_SIZE || isNarrow(m, n);
  if (m <= SKINNY_SIZE) {
    const variant = m <= 4 ? NARROWEST : NARROW;
    const shader = variant.shader(traits);
    if (shader) return { variant, shader };
  }
  const variant = m <= 4 ? SKINNIEST : isSkinny ? SKINNY : TILED;
  return { variant, shader: variant.shader(traits)! };
}

/** 8 x 4 elements of C a thread. */
function tiled(columnThreads: number, lineThreads: number): MatmulVariant {
  const make = cached(tiledKernel, "tiled");
  const constants = { COLUMN_THREADS: columnThreads, LINE_THREADS: lineThreads };
  return {
    name: ["tiled", columnThreads, lineThreads].join(" "),
    rows: 8 * lineThreads,
    columns: 4 * columnThreads,
    slices: 1,
    shader: ({ dtype }) => make({ ...constants, BF16: Number(dtype === "bf16") }),
  };
}

/** {@linkcode sliced}, for any layout. */
function skinny(...threads: [number, number, number]): MatmulVariant {
  return sliced("skinny", skinnyKernel, () => true, ...threads);
}

/** {@linkcode sliced} with loads of four elements, for what is contiguous along k. */
function narrow(...threads: [number, number, number]): MatmulVariant {
  return sliced("narrow", narrowKernel, readsFours, ...threads);
}

/** 4 x 4 elements of C a thread, and `slices` chunks of k at once. */
function sliced(
  entryPoint: string,
  kernel: typeof tiledKernel,
  computes: (traits: ProductTraits) => boolean,
  columnThreads: number,
  lineThreads: number,
  slices: number,
): MatmulVariant {
  const make = cached(kernel, entryPoint);
  const constants = { COLUMN_THREADS: columnThreads, LINE_THREADS: lineThreads, SLICES: slices };
  return {
    name: [entryPoint, columnThreads, lineThreads, slices].join(" "),
    rows: 4 * lineThreads,
    columns: 4 * columnThreads,
    slices,
    shader: (traits) =>
      computes(traits) ? make({ ...constants, BF16: Number(traits.dtype === "bf16") }) : null,
  };
}

/** Tells products that the narrow variants can compute. */
function readsFours({ aAlongK, bAlongK, b2AlongK, fours }: ProductTraits): boolean {
  return aAlongK && bAlongK && b2AlongK && fours;
}

/** `columnFours` blocks of 8 x 4 elements of C a thread; prefetches tiles. */
function staged(columnThreads: number, lineThreads: number, columnFours: number): MatmulVariant {
  const constants = { COLUMN_THREADS: columnThreads, LINE_THREADS: lineThreads };
  const kernel = wgsl(
    MATMUL_GPU,
    "matmul/matmul_staged.wgsl",
    numberedLines(fourfold(stagedCode), columnFours, "N"),
    { shared: `${shared}${fours}\nconst COLUMN_FOURS = ${columnFours}u;\n`, elements },
  );
  const make = cached(kernel, "staged");
  const [rows, columns] = [8 * lineThreads, 4 * columnFours * columnThreads];
  return {
    name: `staged ${rows} ${columns}`,
    rows,
    columns,
    slices: 1,
    shader: ({ dtype, fours }) =>
      fours ? make({ ...constants, BF16: Number(dtype === "bf16") }) : null,
  };
}

/** 8 x 4 elements of C a thread, a subgroup a workgroup. */
function broadcast(subgroupSize: number): MatmulVariant {
  const make = cached(broadcastKernel, "broadcast");
  return {
    name: SUBGROUP_VARIANT,
    rows: 8,
    columns: 4 * subgroupSize,
    slices: 1,
    shader: ({ dtype, aAlongK, bAlongK, b2AlongK, fours }) =>
      fours
        ? make({
          SUBGROUP: subgroupSize,
          BF16: Number(dtype === "bf16"),
          A_ALONG_K: Number(aAlongK),
          B_ALONG_K: Number(bAlongK),
          B2_ALONG_K: Number(b2AlongK),
        })
        : null,
  };
}

/** A kernel is one object for each set of constants: the device compiles it once. */
function cached(
  make: typeof tiledKernel,
  entryPoint: string,
): (constants: Record<string, number>) => MatmulShader {
  const shaders = new Map<string, MatmulShader>();
  return (constants) => {
    const key = Object.values(constants).join();
    let shader = shaders.get(key);
    if (!shader) shaders.set(key, shader = make(constants, entryPoint));
    return shader;
  };
}
