import { toBf16 } from "../../lib/formats/bf16.ts";
import type { GpuDevice, Span } from "../../lib/device/device.ts";
import { Random } from "../../lib/random.ts";
import { TrialMemory } from "../trial_memory.ts";
import { matmul } from "./matmul.ts";
import { matmulSeveral, severalClass, severalVariants } from "./matmul_several.ts";
import {
  hasSubgroupVariant,
  matmulVariants,
  shapeClasses,
  SUBGROUP_VARIANT,
} from "./matmul_variants.ts";
import type { Matmul, RightMatrix } from "./product.ts";

/** Sizes larger than any tile; multiples of four, as most variants need, but not of a tile. */
const [M, N, K, RANK] = [132, 136, 100, 12];
/** A depth that is a number of tokens: any. */
const ODD_DEPTH = 97;
const FEW_ROWS = 3;
/** Factor of products. */
const ALPHA = 0.3;
/** Types of weights. */
const DTYPES = ["f32", "bf16"] as const;
/** Rows of several products. */
const SEVERAL_ROWS = 9;

/** Variants of the matrix product that were compared. */
export interface VariantComparison {
  /** Names; {@linkcode SUBGROUP_VARIANT} only where subgroups have a size for it. */
  readonly compared: readonly string[];
  /** Names of those that give other results than the first. */
  readonly differing: readonly string[];
}

/**
 * Compares the variants of the matrix product on an adapter, bit for bit. WGSL lets a compiler contract
 * and reassociate, and subgroups have their own ways to be wrong: so equality is for each adapter to
 * prove.
 *
 * @param wanted names of the variants. Default: all
 * @throws {Error} when a kernel does not compile, or the GPU fails
 */
export async function compareVariants(
  device: GpuDevice,
  wanted?: readonly string[],
): Promise<VariantComparison> {
  const { usesSubgroups } = device;
  const tuning = new Map(device.tuning);
  using memory = new TrialMemory(device);
  device.usesSubgroups = hasSubgroupVariant(device);
  try {
    const products = productsOf(memory);
    const c = memory.reserve(M * N);
    const classes = [
      ...shapeClasses(),
      ...DTYPES.map((dtype) => severalClass(SEVERAL_ROWS, dtype)),
    ];
    const differing = new Set<string>();
    const compared = wanted ?? matmulVariants(device).map(({ name }) => name);
    for (const launch of products) {
      if (differing.size === compared.length - 1) break;
      let first: Uint8Array | null = null;
      for (const name of compared) {
        if (differing.has(name)) continue;
        for (const kind of classes) device.tuning.set(kind, name);
        device.write(c, new Float32Array(M * N));
        launch(device, c);
        const result = await device.read(c, M * N * 4);
        first ??= result;
        if (result.some((byte, i) => byte !== first![i])) differing.add(name);
      }
    }
    return { compared, differing: [...differing] };
  } finally {
    device.usesSubgroups = usesSubgroups;
    device.tuning.clear();
    for (const [kind, name] of tuning) device.tuning.set(kind, name);
  }
}

/** Finds out if the kernels with subgroups give what the others give; false where there are none. */
export async function provesSubgroups(device: GpuDevice): Promise<boolean> {
  if (!hasSubgroupVariant(device)) return false;
  const [{ name: portable }] = matmulVariants(device);
  return (await compareVariants(device, [portable, SUBGROUP_VARIANT])).differing.length === 0;
}

/** Launches into C[M, N] that together read A, B and their extension in every way. */
function productsOf(
  memory: TrialMemory,
): ((device: GpuDevice, c: Span) => void)[] {
  const random = new Random(1);
  const drawn = (length: number) => Float32Array.from({ length }, () => 2 * random.uniform() - 1);
  const values = (length: number) => memory.upload(drawn(length));
  const alongK = (span: Span, depth: number, dtype?: "bf16"): RightMatrix => (
    { kind: "strided", span, kStride: 1, nStride: depth, alpha: ALPHA, dtype }
  );
  const alongN = (span: Span): RightMatrix => ({ kind: "strided", span, kStride: N, nStride: 1 });
  const [a, a2, weight] = [values(M * K), values(M * RANK), values(N * K)];
  const [b2, transposed] = [values(N * RANK), values(K * N)];
  const half = memory.upload(toBf16(drawn(N * K)));
  const common = { m: M, n: N, k: K, bias: values(N), residual: values(M * N) };
  const extension = { a: a2, k: RANK };
  const products: Omit<Matmul, "c">[] = [
    { ...common, a, b: alongK(weight, K), extension: { ...extension, b: alongK(b2, RANK) } },
    { ...common, a, b: alongK(half, K, "bf16") },
    { ...common, a, b: alongN(transposed), extension: { ...extension, b: alongN(b2) } },
    { ...common, a, aRowStride: 1, aColumnStride: M, b: alongN(transposed), k: ODD_DEPTH },
    { ...common, a, b: alongK(weight, K), m: FEW_ROWS },
  ];
  const lowRank = { u: a2, b: b2, rank: RANK, scale: ALPHA };
  return [
    ...products.map((product) => (device: GpuDevice, c: Span) => matmul(device, { ...product, c })),
    ...DTYPES.map((dtype) => (device: GpuDevice, c: Span) => {
      const w = dtype === "f32" ? weight : half;
      const several = { a, m: SEVERAL_ROWS, k: K, dtype, products: [{ c, w, n: N, lowRank }] };
      // Variants for more rows compute the product by itself, which has to give the same.
      const name = device.tuning.get(severalClass(SEVERAL_ROWS, dtype))!;
      if (severalVariants(device).includes(name)) return matmulSeveral(device, several);
      const b: RightMatrix = { kind: "strided", span: w, kStride: 1, nStride: K, dtype };
      const updated = { ...extension, b: alongK(b2, RANK) };
      matmul(device, { c, a, b, m: SEVERAL_ROWS, n: N, k: K, extension: updated });
    }),
  ];
}
