/**
 * Time and memory of a step of GRPO, DPO or a reward model on a decoder-only model of random weights.
 * Called by `temper bench step`.
 */
import { readsPanels } from "../kernels/matmul/panels.ts";
import { generate } from "../lib/generation/generate.ts";
import type { LanguageModel } from "../lib/models/language_model.ts";
import { Random } from "../lib/random.ts";
import { openRunDevice, type RunDeviceOptions } from "../lib/runs/loading/device.ts";
import { timeDecoding } from "./decoding.ts";
import { peakProcessMemory } from "./memory.ts";
import { decodingProducts, timeProducts } from "./products.ts";
import { DECODER_SHAPES, type DecoderShape } from "./shapes.ts";
import { type StepAlgorithm, type StepPart, type StepSizes, stepSubject } from "./step_subjects.ts";

/** Options of the benchmark. */
export interface StepBench extends RunDeviceOptions, StepSizes {
  /** Algorithm whose step is measured. */
  algorithm: StepAlgorithm;
  /** Model whose shape is taken. */
  shape: DecoderShape;
}

/** Decoding of one token for each row, after a prompt that all rows share. */
export interface DecodingSpeed {
  rows: number;
  tokensPerSecond: number;
  /** Share of the time that the matrix products take by themselves; null on a GPU. */
  products: number | null;
}

/** Result: minima over the measured steps, since other load on the machine only adds. */
export interface StepBenchResult extends Omit<StepBench, "device"> {
  device: string;
  /** Number of measured steps, after one that warms up. */
  steps: number;
  /** Seconds of loading, of a step, and of the parts that a step of this algorithm has. */
  seconds: { load: number; step: number } & Partial<Record<StepPart, number>>;
  /** Peak memory of the process, and of the device within it, in bytes. */
  peakMemory: { process: number; device: number };
  /** Seconds that the step's matrix products take by themselves; null on a GPU. */
  products: number | null;
  /** Speeds of decoding; empty for a classifier. */
  decoding: DecodingSpeed[];
}

/** Minimum and maximum number of measured steps, and the time after which no other is begun. */
const STEPS = { minimum: 1, maximum: 10, seconds: 5 };
/** Rows whose decoding is measured, and their number of tokens. */
const DECODING = { rows: [1, 8, 32], tokens: 17, repeats: 2 };

/** Runs the benchmark. */
export async function benchStep(options: StepBench): Promise<StepBenchResult> {
  const { algorithm, shape, prompt, dtype } = options;
  const device = await openRunDevice(options);
  try {
    const started = performance.now();
    const subject = stepSubject(device, algorithm, DECODER_SHAPES[shape], options);
    const load = (performance.now() - started) / 1000;
    const best: Partial<Record<StepPart, number>> & { step: number } = { step: Infinity };
    let [count, total] = [0, 0];
    const enough = () => count >= STEPS.maximum || count >= STEPS.minimum && total >= STEPS.seconds;
    for (let step = 0; !enough(); step++) {
      const start = performance.now();
      let last = start;
      const take = (name: StepPart | "step", from: number) => {
        const now = performance.now();
        if (step > 0) best[name] = Math.min(best[name] ?? Infinity, (now - from) / 1000);
        return now;
      };
      await subject.run(step, (part) => last = take(part, last));
      const end = take("step", start);
      if (step === 0) continue;
      count++;
      total += (end - start) / 1000;
    }
    const peakMemory = { process: peakProcessMemory(), device: device.memory.peak };
    const products = readsPanels(device) ? timeProducts(device, subject.products, dtype) : null;
    const decoding: DecodingSpeed[] = [];
    const { model } = subject;
    // Other algorithms do not generate.
    if (model && algorithm === "grpo") {
      const random = new Random(3);
      const read = Array.from({ length: prompt }, () => random.integer(2, model.vocabSize));
      for (const rows of DECODING.rows) decoding.push(await decode(model, read, rows, dtype));
    }
    return {
      ...options,
      device: device.description,
      steps: count,
      seconds: { load, ...best },
      peakMemory,
      products,
      decoding,
    };
  } finally {
    device.close();
  }
}

/** Measures decoding of `rows` responses to a prompt. */
async function decode(
  model: LanguageModel,
  prompt: readonly number[],
  rows: number,
  dtype: "f32" | "bf16",
): Promise<DecodingSpeed> {
  const draw = (maxNewTokens: number) =>
    generate(model, [prompt], {
      ...{ maxNewTokens, minNewTokens: maxNewTokens, numReturnSequences: rows, doSample: true },
    });
  const { step: seconds } = await timeDecoding(draw, DECODING.tokens, DECODING.repeats);
  const { device } = model;
  const products = readsPanels(device)
    ? timeProducts(device, decodingProducts(model, rows), dtype) / seconds
    : null;
  return { rows, tokensPerSecond: rows / seconds, products };
}

/** Formats a result for people. */
export function stepReport(result: StepBenchResult): string {
  const { algorithm, shape, dtype, prompts, prompt, seconds, peakMemory, decoding } = result;
  const share = ({ products }: DecodingSpeed) =>
    products === null ? "" : `, of which ${(100 * products).toFixed(0)} % matrix products`;
  const parts = (["generate", "reference", "update"] as const).flatMap((part) => {
    const time = seconds[part];
    return time === undefined ? [] : [[part, `${time.toFixed(3)} s`] as const];
  });
  const rows: (readonly [string, string])[] = [
    ...parts,
    ["step", `${seconds.step.toFixed(3)} s (best of ${result.steps})`],
    ...(result.products === null ? [] : [
      [
        "yardstick",
        `${(seconds.step / result.products).toFixed(2)} times the ${
          result.products.toFixed(3)
        } s of the step's matrix products alone`,
      ] as const,
    ]),
    [
      "memory",
      `${(peakMemory.process / 1e9).toFixed(2)} GB at most, ${
        (peakMemory.device / 1e9).toFixed(2)
      } GB of it the device's`,
    ],
    ["load", `${seconds.load.toFixed(1)} s`],
    ...decoding.map((speed, i) =>
      [
        i === 0 ? "decoding" : "",
        `${speed.rows} at once: ${speed.tokensPerSecond.toFixed(1)} tokens/s${share(speed)}`,
      ] as const
    ),
  ];
  const batch = algorithm === "grpo"
    ? `${prompts} prompts of ${prompt}, ${result.responses} responses of ${result.new} to each`
    : `${prompts} pairs, prompts of ${prompt}, answers of ${result.new}`;
  return [
    `A step of ${algorithm} on random weights: ${shape}, ${dtype}, ${batch}`,
    result.device,
    ...rows.map(([name, value]) => `  ${name.padEnd(10)}${value}`),
  ].join("\n");
}
