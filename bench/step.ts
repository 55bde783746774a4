/**
 * Time and memory of a step on groups of responses, as GRPO takes it, of a decoder-only model of
 * random weights. Called by `temper bench step`.
 */
import { readsPanels } from "../kernels/matmul/panels.ts";
import { generate } from "../lib/generation/generate.ts";
import type { LanguageModel } from "../lib/models/language_model.ts";
import { createAdapter } from "../lib/models/policy.ts";
import { RandomSource } from "../lib/models/random_weights.ts";
import { modelFamily } from "../lib/models/registry.ts";
import { FrozenStore } from "../lib/models/weight_store.ts";
import { Random } from "../lib/random.ts";
import { GRPOTrainer } from "../lib/rl/grpo_trainer.ts";
import { openRunDevice, type RunDeviceOptions } from "../lib/runs/loading/device.ts";
import { predict } from "../lib/training/token_pass.ts";
import { responseRow } from "../lib/training/token_rows.ts";
import { peakProcessMemory } from "./memory.ts";
import { decodingProducts, groupStepProducts, timeProducts } from "./products.ts";
import { DECODER_SHAPES, type DecoderShape } from "./shapes.ts";

/** Options of the benchmark. */
export interface StepBench extends RunDeviceOptions {
  /** Model whose shape is taken. */
  shape: DecoderShape;
  /** Number of different prompts. */
  prompts: number;
  /** Number of responses to each. */
  responses: number;
  /** Number of tokens of each prompt. */
  prompt: number;
  /** Number of tokens of each response; end tokens are suppressed, so all are this long. */
  new: number;
  /** Type that frozen weights are stored in. */
  dtype: "f32" | "bf16";
  /** `activationMemory` of GRPOConfig, in MiB. */
  activationMemory?: number | null;
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
  seconds: { load: number; generate: number; reference: number; update: number; step: number };
  /** Peak memory of the process, and of the device within it, in bytes. */
  peakMemory: { process: number; device: number };
  /** Seconds that the step's matrix products take by themselves; null on a GPU. */
  products: number | null;
  decoding: DecodingSpeed[];
}

/** Minimum and maximum number of measured steps, and the time after which no other is begun. */
const STEPS = { minimum: 1, maximum: 10, seconds: 5 };
/** Rows whose decoding is measured, and their number of tokens. */
const DECODING = { rows: [1, 8, 32], tokens: 17, repeats: 2 };

/** Runs the benchmark. */
export async function benchStep(options: StepBench): Promise<StepBenchResult> {
  const { shape, prompts, responses, dtype } = options;
  const device = await openRunDevice(options);
  try {
    const started = performance.now();
    const random = new Random(1);
    const config = DECODER_SHAPES[shape];
    const store = new FrozenStore(device, new RandomSource(random.uint32()), dtype);
    const model = modelFamily(config, "bench").configure(config, "bench")(device, store);
    const lora = { r: 16, loraAlpha: 32, loraDropout: 0, targetModules: "all-linear" };
    const policy = { model, adapter: createAdapter(model, lora, 1) };
    const trainer = new GRPOTrainer(policy, {
      steps: 1000,
      batchSize: prompts * responses,
      miniBatchSize: prompts * responses,
      numGenerations: responses,
      maxCompletionLength: options.new,
      activationMemory: options.activationMemory ?? null,
    });
    const load = (performance.now() - started) / 1000;
    const tokens = () =>
      Array.from({ length: options.prompt }, () => random.integer(2, model.vocabSize));
    const distinct = Array.from({ length: prompts }, tokens);
    const queries = distinct.flatMap((query) => new Array<number[]>(responses).fill(query));

    const best = { generate: Infinity, reference: Infinity, update: Infinity, step: Infinity };
    let [count, total] = [0, 0];
    const enough = () => count >= STEPS.maximum || count >= STEPS.minimum && total >= STEPS.seconds;
    for (let step = 0; !enough(); step++) {
      const start = performance.now();
      const sampled = await trainer.generate(distinct, {
        minNewTokens: options.new,
        firstRollout: step * queries.length,
      });
      const generated = performance.now();
      const completions = sampled.map(({ tokens }) => tokens);
      // The reference of a new adapter is the model without one.
      const rows = queries.map((query, i) => responseRow(model, query, completions[i]));
      await predict({ model, adapter: null }, rows);
      const referred = performance.now();
      const rewards = completions.map(() => random.uniform());
      await trainer.step(queries, completions, { rewards }, sampled);
      const end = performance.now();
      if (step === 0) continue;
      const take = (name: keyof typeof best, from: number, to: number) => {
        best[name] = Math.min(best[name], (to - from) / 1000);
      };
      take("generate", start, generated);
      take("reference", generated, referred);
      take("update", referred, end);
      take("step", start, end);
      count++;
      total += (end - start) / 1000;
    }
    const peakMemory = { process: peakProcessMemory(), device: device.memory.peak };
    const products = readsPanels(device)
      ? timeProducts(device, groupStepProducts(model, options), dtype)
      : null;
    const decoding: DecodingSpeed[] = [];
    for (const rows of DECODING.rows) decoding.push(await decode(model, tokens(), rows, dtype));
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
  const time = async (maxNewTokens: number) => {
    let best = Infinity;
    for (let i = 0; i < DECODING.repeats; i++) {
      const start = performance.now();
      await generate(model, [prompt], {
        ...{ maxNewTokens, minNewTokens: maxNewTokens, numReturnSequences: rows, doSample: true },
      });
      best = Math.min(best, (performance.now() - start) / 1000);
    }
    return best;
  };
  // Reading the prompt takes the same time for one token and for many.
  const first = await time(1);
  const seconds = (await time(DECODING.tokens) - first) / (DECODING.tokens - 1);
  const { device } = model;
  const products = readsPanels(device)
    ? timeProducts(device, decodingProducts(model, rows), dtype) / seconds
    : null;
  return { rows, tokensPerSecond: rows / seconds, products };
}

/** Formats a result for people. */
export function stepReport(result: StepBenchResult): string {
  const { shape, dtype, prompts, responses, prompt, seconds, peakMemory, decoding } = result;
  const share = ({ products }: DecodingSpeed) =>
    products === null ? "" : `, of which ${(100 * products).toFixed(0)} % matrix products`;
  const rows: [string, string][] = [
    ["generate", `${seconds.generate.toFixed(3)} s`],
    ["reference", `${seconds.reference.toFixed(3)} s`],
    ["update", `${seconds.update.toFixed(3)} s`],
    ["step", `${seconds.step.toFixed(3)} s (best of ${result.steps})`],
    ...(result.products === null ? [] : [[
      "yardstick",
      `${(seconds.step / result.products).toFixed(2)} times the ${
        result.products.toFixed(3)
      } s of the step's matrix products alone`,
    ]] as [string, string][]),
    [
      "memory",
      `${(peakMemory.process / 1e9).toFixed(2)} GB at most, ${
        (peakMemory.device / 1e9).toFixed(2)
      } GB of it the device's`,
    ],
    ["load", `${seconds.load.toFixed(1)} s`],
    ...decoding.map((speed, i): [string, string] => [
      i === 0 ? "decoding" : "",
      `${speed.rows} at once: ${speed.tokensPerSecond.toFixed(1)} tokens/s${share(speed)}`,
    ]),
  ];
  return [
    `A step on random weights: ${shape}, ${dtype}, ${prompts} prompts of ${prompt}, ` +
    `${responses} responses of ${result.new} to each`,
    result.device,
    ...rows.map(([name, value]) => `  ${name.padEnd(10)}${value}`),
  ].join("\n");
}
