import { LOGITS_CHUNK } from "../../kernels/lm_head/signatures.ts";
import {
  chosenVariant,
  launchTrial,
  productsOf,
  type Trial,
  TRIAL_ELEMENTS,
  trialClass,
  trialVariants,
} from "../../kernels/matmul/autotune.ts";
import type { Device, GpuDevice, Span } from "../../lib/device/device.ts";
import { toBf16 } from "../../lib/formats/bf16.ts";
import { modelWeights } from "../../lib/models/outline.ts";
import type { LanguageModel } from "../../lib/models/language_model.ts";
import { modelFamily } from "../../lib/models/registry.ts";
import { Random } from "../../lib/random.ts";
import { openRunDevice } from "../../lib/runs/loading/device.ts";
import { launchSpeed } from "../matmul.ts";
import MODEL_CONFIGS from "../model_configs.json" with { type: "json" };
import type { StageTask } from "./stage_task.ts";

/** A product of training: C[m, n] = A[m, k] B[k, n]. */
export interface ProductCase extends Trial {
  /** Model that it occurs in, or "square". */
  readonly of: string;
}

/** Speed of a product. */
export interface ProductRow extends ProductCase {
  /** The variant that is used for it on this adapter. */
  readonly chosen: string;
  /** GFLOPS by variant worth measuring; all compute the same, bit for bit. */
  readonly gflops: Readonly<Record<string, number>>;
}

/** Models whose products are measured. */
const MODELS = ["flan-t5-base", "smollm2-135m"] as const;
/** Rows of a batch's decoding step, of one prompt's, and of a minibatch's responses. */
const ROWS = { decoding: [16, 1], training: 1200 };
/** Types of weights. */
const DTYPES = ["bf16", "f32"] as const;
/** Rank of an adapter. */
const RANK = 32;
/** Seconds of a measurement. */
const SECONDS = 0.08;
/** Number of random values that operands repeat. */
const VALUES = 1 << 20;

/** The square; then each model's, decoding first, the widest layers last. */
export function productCases(): ProductCase[] {
  const side = 1024;
  const square = { of: "square", m: side, n: side, k: side };
  const cases: ProductCase[] = [
    { ...square, product: "x·Wᵀ", dtype: "f32" },
    { ...square, product: "x·Wᵀ", dtype: "bf16" },
    { ...square, product: "dy·W", dtype: "f32" },
    { ...square, product: "dyᵀ·x", dtype: "f32" },
  ];
  for (const of of MODELS) cases.push(...modelCases(of));
  return cases;
}

function modelCases(of: (typeof MODELS)[number]): ProductCase[] {
  const model = outline(of);
  const layers = new Map<string, [n: number, k: number]>();
  for (const { inFeatures, outFeatures } of model.linearModules) {
    layers.set(`${outFeatures} ${inFeatures}`, [outFeatures, inFeatures]);
  }
  layers.set("head", [model.vocabSize, model.hiddenSize]);
  const widths = [...layers.values()].sort((a, b) => a[0] * a[1] - b[0] * b[1]);
  const { decoding, training: m } = ROWS;
  const forward = (m: number, [n, k]: [number, number]): ProductCase[] =>
    DTYPES.map((dtype) => ({ of, product: "x·Wᵀ", m, n, k, dtype }));
  const size = model.hiddenSize;
  const adapter = { of, dtype: "f32" } as const;
  return [
    ...decoding.flatMap((rows) => widths.flatMap((width) => forward(rows, width))),
    // q, k and v of a decoding step.
    ...decoding.flatMap((m) =>
      DTYPES.map((dtype): ProductCase => ({ of, product: "several", m, n: size, k: size, dtype }))
    ),
    // The head's logits of a training pass are computed so many at once.
    ...widths.map(([n, k]) => [Math.min(n, LOGITS_CHUNK), k] as [number, number]).flatMap((
      [n, k],
    ): ProductCase[] => [
      ...forward(m, [n, k]),
      { of, product: "dy·W", m, n: k, k: n, dtype: "bf16" },
    ]),
    // An adapter's own: x·Aᵀ and dy·B; the gradients of A and of B.
    { ...adapter, product: "x·Wᵀ", m, n: RANK, k: size },
    { ...adapter, product: "dy·W", m, n: RANK, k: size },
    { ...adapter, product: "dyᵀ·x", m: RANK, n: size, k: m },
    { ...adapter, product: "dyᵀ·x", m: size, n: RANK, k: m },
  ];
}

/** A model without its weights. */
function outline(name: (typeof MODELS)[number]): LanguageModel {
  const config = MODEL_CONFIGS[name];
  const build = modelFamily(config, "bench").configure(config, "bench");
  let model: LanguageModel;
  modelWeights({} as Device, (device, store) => model = build(device, store));
  return model!;
}

/** Measures the useful variants of each product of training. */
export async function products(task: StageTask<ProductRow[]>) {
  const device = await openRunDevice({ device: "webgpu" });
  if (device.kind !== "webgpu") throw new Error("products have variants on a GPU alone");
  await measureProducts(device, productCases(), SECONDS, task);
  device.close();
}

/**
 * Measures the useful variants of each product.
 *
 * @param seconds time of a measurement
 */
export async function measureProducts(
  device: GpuDevice,
  cases: readonly ProductCase[],
  seconds: number,
  { hasTime, report }: Pick<StageTask<ProductRow[]>, "hasTime" | "report">,
): Promise<void> {
  const rows: ProductRow[] = [];
  const largest = (elements: (of: ProductCase) => number, dtype?: "bf16") =>
    randomOperand(device, Math.max(...cases.map(elements)), dtype);
  const a = largest(TRIAL_ELEMENTS.a);
  const c = largest(TRIAL_ELEMENTS.c);
  const b = { f32: largest(TRIAL_ELEMENTS.b), bf16: largest(TRIAL_ELEMENTS.b, "bf16") };
  const tuned = new Map(device.tuning);
  for (const each of cases) {
    const gflops: Record<string, number> = {};
    const operands = { a, b: b[each.dtype], c };
    device.tuning.clear();
    for (const [kind, name] of tuned) device.tuning.set(kind, name);
    const chosen = chosenVariant(device, each, operands);
    const operations = 2 * productsOf(each) * each.m * each.n * each.k;
    for (const name of trialVariants(device, each)) {
      if (!hasTime()) return;
      device.tuning.set(trialClass(each), name);
      const launch = () => launchTrial(device, each, operands);
      gflops[name] = await launchSpeed(device, launch, c, operations, seconds);
      report([...rows, { ...each, chosen, gflops }]);
    }
    rows.push({ ...each, chosen, gflops });
  }
}

/** Values between -1 and 1: zeros would flatter a card's clock. */
function randomOperand(device: GpuDevice, length: number, dtype: "f32" | "bf16" = "f32"): Span {
  const size = dtype === "bf16" ? 2 : 4;
  const span = { buffer: device.alloc(length * size), byteOffset: 0 };
  const random = new Random(1);
  const floats = Float32Array.from({ length: VALUES }, () => 2 * random.uniform() - 1);
  const values = dtype === "bf16" ? toBf16(floats) : floats;
  for (let first = 0; first < length; first += VALUES) {
    const part = values.subarray(0, Math.min(VALUES, length - first));
    device.write({ buffer: span.buffer, byteOffset: first * size }, part);
  }
  return span;
}
