import type { GpuDevice, Span } from "../../lib/device/device.ts";
import type { LaunchTimes } from "../../lib/device/profile.ts";
import { TrialMemory } from "../trial_memory.ts";
import { matmul } from "./matmul.ts";
import {
  chooseSeveral,
  matmulSeveral,
  severalClass,
  type SeveralProducts,
  severalVariants,
} from "./matmul_several.ts";
import {
  chooseVariant,
  type ProductTraits,
  shapeClass,
  usefulVariants,
} from "./matmul_variants.ts";
import { type Matmul, moved } from "./product.ts";

/** A product that is measured for its class. */
export interface Trial {
  readonly m: number;
  readonly n: number;
  readonly k: number;
  readonly dtype: "f32" | "bf16";
  /** `several`: {@linkcode SEVERAL} times x·Wᵀ of one x in one dispatch, as q, k and v. */
  readonly product: "x·Wᵀ" | "dy·W" | "dyᵀ·x" | "several";
}

/** Products in the launch of a trial that is `several`. */
const SEVERAL = 3;

/**
 * Maximum seconds of waiting for the GPU, and of all with the compilation of kernels, most of which are
 * needed anyway; classes not measured by then use the default variant.
 */
const BUDGET = { waiting: 2, total: 8 };
/** Seconds of work before the first measurement, so that the GPU leaves its idle clock. */
const WARM_UP_SECONDS = 0.05;
/** Launches of that work between reads, of the default variant. */
const WARM_UP: readonly null[] = new Array(32).fill(null);
/** Variants whose first launch takes this much longer than the fastest are not measured further. */
const GIVE_UP_FACTOR = 2;
/** Further launches of the others; the shortest counts. */
const ROUNDS = 3;

/** Tokens of a minibatch, an adapter's rank, and the widths of flan-t5-base's layers. */
const [TOKENS, RANK, WIDTH, WIDE] = [1200, 32, 768, 2048];
/** Columns of the LM head: enough for the class of wide products; computed at once in a pass. */
const HEAD = { decoding: 16384, pass: 4096 };

/**
 * Products of training, one for each class, the most expensive of a step first: layers' outputs and input
 * gradients, decoding, adapters, weight gradients of full fine-tuning.
 */
const TRIALS: readonly Trial[] = (["bf16", "f32"] as const).flatMap((dtype): Trial[] => [
  ...[[TOKENS, WIDTH], [TOKENS, WIDE], [256, WIDTH]].flatMap(([m, n]): Trial[] => [
    { m, n, k: WIDTH, dtype, product: "x·Wᵀ" },
    { m, n, k: WIDTH, dtype, product: "dy·W" },
  ]),
  ...[16, 1, 64].flatMap((m): Trial[] => [
    { m, n: WIDTH, k: WIDTH, dtype, product: "x·Wᵀ" },
    { m, n: HEAD.decoding, k: WIDTH, dtype, product: "x·Wᵀ" },
    { m, n: WIDTH, k: WIDTH, dtype, product: "several" },
  ]),
]).concat(
  [
    [TOKENS, RANK, WIDTH, "x·Wᵀ"],
    [TOKENS, RANK, WIDTH, "dy·W"],
    [RANK, WIDTH, TOKENS, "dyᵀ·x"],
    [16, WIDTH, TOKENS, "dyᵀ·x"],
    [WIDTH, RANK, TOKENS, "dyᵀ·x"],
    [WIDTH, WIDTH, TOKENS, "dyᵀ·x"],
    [HEAD.pass, WIDTH, TOKENS, "dyᵀ·x"],
    [512, 512, TOKENS, "dyᵀ·x"],
  ].map(([m, n, k, product]) => ({ m, n, k, product, dtype: "f32" }) as Trial),
);

/**
 * Measures which variant of the matrix product is the fastest, for each class of shapes: once for
 * an adapter, about two seconds. The choice changes no result, only how long it takes.
 *
 * @param times the times of the device's launches
 * @param options for tests
 * @returns the variant's name by class, for the device's `tuning`
 */
export async function autotuneMatmul(
  device: GpuDevice,
  times: Pick<LaunchTimes, "take">,
  { trials = TRIALS, budget = BUDGET, warmUpSeconds = WARM_UP_SECONDS } = {},
): Promise<Map<string, string>> {
  using memory = new TrialMemory(device);
  const operand = (elements: (trial: Trial) => number) =>
    memory.reserve(Math.max(...trials.map(elements)));
  const { a, b, c } = TRIAL_ELEMENTS;
  const operands = { a: operand(a), b: operand(b), c: operand(c) };
  const before = new Map(device.tuning);
  const best = new Map<string, string>();
  const trialRun = new TrialRun(device, times, operands);
  const started = performance.now();
  try {
    while (trialRun.waited < warmUpSeconds) await trialRun.launch(trials[0], WARM_UP);
    trialRun.waited = 0;
    for (const trial of trials) {
      const total = (performance.now() - started) / 1000;
      if (trialRun.waited > budget.waiting || total > budget.total) break;
      const name = await trialRun.fastest(trial);
      if (name !== null) best.set(trialClass(trial), name);
    }
  } finally {
    device.tuning.clear();
    for (const [kind, name] of before) device.tuning.set(kind, name);
  }
  return best;
}

/** Memory of a trial, large enough for its matrices. */
export interface TrialOperands {
  readonly a: Span;
  readonly b: Span;
  readonly c: Span;
}

/** Launches of products on a device that tells their times. */
class TrialRun {
  /** Seconds spent waiting for the GPU. */
  waited = 0;

  constructor(
    private readonly device: GpuDevice,
    private readonly times: Pick<LaunchTimes, "take">,
    private readonly operands: TrialOperands,
  ) {}

  /** Name of the fastest variant for a product; null if the GPU's timestamps are invalid. */
  async fastest(trial: Trial): Promise<string | null> {
    const names = trialVariants(this.device, trial);
    const first = await this.launch(trial, names);
    if (!areTimes(first)) return null;
    const limit = GIVE_UP_FACTOR * Math.min(...first);
    const left = names.filter((_, i) => first[i] <= limit);
    const rounds = Array.from({ length: ROUNDS }, () => left).flat();
    const seconds = await this.launch(trial, rounds);
    if (!areTimes(seconds)) return null;
    return rounds[seconds.indexOf(Math.min(...seconds))];
  }

  /** Launches a product with each variant, null for the default; returns seconds. */
  async launch(trial: Trial, names: readonly (string | null)[]): Promise<number[]> {
    const { device, operands } = this;
    const kind = trialClass(trial);
    for (const name of names) {
      if (name !== null) device.tuning.set(kind, name);
      launchTrial(device, trial, operands);
    }
    const started = performance.now();
    await device.read(operands.c, 4);
    const seconds = await this.times.take(names.length);
    this.waited += (performance.now() - started) / 1000;
    return seconds;
  }
}

/** Tells valid times: an implementation may round those of short launches to 0. */
function areTimes(seconds: readonly number[]): boolean {
  return seconds.every((time) => time > 0);
}

/** Elements of a trial's matrices. */
export const TRIAL_ELEMENTS: { readonly [Name in keyof TrialOperands]: (trial: Trial) => number } =
  {
    a: ({ m, k }) => m * k,
    b: (trial) => productsOf(trial) * trial.n * trial.k,
    c: (trial) => productsOf(trial) * trial.m * trial.n,
  };

/** Products in the launch of a trial. */
export function productsOf({ product }: Trial): number {
  return product === "several" ? SEVERAL : 1;
}

/** Class of a trial in the tuning. */
export function trialClass(trial: Trial): string {
  return trial.product === "several"
    ? severalClass(trial.m, trial.dtype)
    : shapeClass(trialTraits(trial));
}

/** Names of the variants that are worth measuring for a trial. */
export function trialVariants(device: GpuDevice, trial: Trial): string[] {
  const useful = usefulVariants(device, trialTraits(trial)).map(({ name }) => name);
  if (trial.product !== "several") return useful;
  const possible = severalVariants(device);
  return useful.filter((name) => possible.includes(name));
}

/** Launches a trial. */
export function launchTrial(device: GpuDevice, trial: Trial, operands: TrialOperands): void {
  if (trial.product === "several") matmulSeveral(device, severalProducts(trial, operands));
  else matmul(device, trialProduct(trial, operands));
}

/** Name of the variant that a trial's product takes. */
export function chosenVariant(device: GpuDevice, trial: Trial, operands: TrialOperands): string {
  return trial.product === "several"
    ? chooseSeveral(device, severalProducts(trial, operands)).name
    : chooseVariant(device, trialTraits(trial)).variant.name;
}

function severalProducts(
  { m, n, k, dtype }: Trial,
  { a, b, c }: TrialOperands,
): SeveralProducts {
  const products = Array.from({ length: SEVERAL }, (_, i) => (
    { c: moved(c, i * m * n), w: moved(b, i * n * k, dtype), n }
  ));
  return { a, m, k, dtype, products };
}

function trialProduct({ m, n, k, dtype, product }: Trial, { a, b, c }: TrialOperands): Matmul {
  const along = product === "x·Wᵀ" ? { kStride: 1, nStride: k } : { kStride: n, nStride: 1 };
  const transposed = product === "dyᵀ·x" ? { aRowStride: 1, aColumnStride: m } : {};
  return { c, a, ...transposed, b: { kind: "strided", span: b, dtype, ...along }, m, n, k };
}

/** Traits of a trial's product. */
function trialTraits({ m, n, dtype, product }: Trial): ProductTraits {
  const bAlongK = product === "x·Wᵀ" || product === "several";
  const aAlongK = product !== "dyᵀ·x";
  return { m, n, dtype, aAlongK, bAlongK, b2AlongK: bAlongK, fours: true };
}
