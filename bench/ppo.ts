/**
 * Time and memory of a PPO step on random weights. Called by `temper bench ppo`.
 */
import type { Device } from "../lib/device/device.ts";
import { type DeviceCounters, WebGpuDevice } from "../lib/device/webgpu/webgpu_device.ts";
import { readsPanels } from "../kernels/matmul/panels.ts";
import { createPolicy, type Policy } from "../lib/models/policy.ts";
import { RandomSource } from "../lib/models/random_weights.ts";
import { EncoderClassifier } from "../lib/models/encoder_classifier.ts";
import { parseEncoderConfig } from "../lib/models/encoder_config.ts";
import { modelFamily } from "../lib/models/registry.ts";
import { FrozenStore } from "../lib/models/weight_store.ts";
import { peakProcessMemory } from "./memory.ts";
import { stepProducts, timeProducts } from "./products.ts";
import { Random } from "../lib/random.ts";
import { PPOTrainer } from "../lib/rl/ppo_trainer.ts";
import { openRunDevice, type RunDeviceOptions } from "../lib/runs/loading/device.ts";
import { Context } from "../lib/tensor/context.ts";

/** Options of the benchmark. */
export interface PPOBench extends RunDeviceOptions {
  /** Sizes of the demo's checkpoint, of flan-t5-small or of flan-t5-base. */
  shape: "tiny" | "small" | "base";
  /** Number of tokens of each prompt. */
  prompt: number;
  /** Number of tokens of each response; the end token is suppressed, so all are this long. */
  new: number;
  /** Number of rollouts of a step. */
  batch: number;
  /** Number of rollouts of a minibatch. */
  mini: number;
  /** Type that frozen weights are stored in. */
  dtype: "f32" | "bf16";
  /** `activationMemory` of PPOConfig, in MiB. */
  activationMemory?: number | null;
}

/** Result: medians over the measured steps. */
export interface PPOBenchResult extends Omit<PPOBench, "device"> {
  device: string;
  /** Number of measured steps, after one that warms up. */
  steps: number;
  seconds: { load: number; generate: number; score: number; optimise: number; step: number };
  /** Generated tokens per second of generating, and of the whole step. */
  tokensPerSecond: { generate: number; step: number };
  /** Peak memory of the process, and of the device within it, in bytes. */
  peakMemory: { process: number; device: number };
  /** Seconds that the step's matrix products take by themselves; null on a GPU, which waits for each. */
  products: number | null;
  /** Counters of the GPU; null on the WASM device. */
  gpu: { decodingStep: DeviceCounters; generate: DeviceCounters; optimise: DeviceCounters } | null;
}

const FLAN = { model_type: "t5", feed_forward_proj: "gated-gelu", tie_word_embeddings: false };

/** config.json's sizes: the policy's, and the classifier's that scores it. */
const SHAPES = {
  tiny: {
    policy: { vocab_size: 704, d_model: 128, d_kv: 32, d_ff: 256, num_layers: 2, num_heads: 4 },
    classifier: {
      vocab_size: 761,
      hidden_size: 64,
      num_hidden_layers: 2,
      num_attention_heads: 2,
      intermediate_size: 128,
    },
  },
  small: {
    policy: { vocab_size: 32128, d_model: 512, d_kv: 64, d_ff: 1024, num_layers: 8, num_heads: 6 },
    // The original stack scored these texts in 0.5 s, base's, as many and as long, in 1.6 s: it had a
    // classifier of a third of RoBERTa-base's work, about that of eight layers of 512.
    classifier: {
      hidden_size: 512,
      num_hidden_layers: 8,
      num_attention_heads: 8,
      intermediate_size: 2048,
    },
  },
  base: {
    policy: {
      vocab_size: 32128,
      d_model: 768,
      d_kv: 64,
      d_ff: 2048,
      num_layers: 12,
      num_heads: 12,
    },
    classifier: {},
  },
};

/** Minimum and maximum number of measured steps, and the time after which no other is begun. */
const STEPS = { minimum: 3, maximum: 10, seconds: 5 };

/** Ends of a benchmark that has little time. */
export interface PPOBenchLimits {
  /** Seconds until no further step should be begun, if one was measured. */
  secondsLeft(): number;
  /** Called after each step, the first of which warms up. */
  onStep(seconds: Omit<PPOBenchResult["seconds"], "load">): void;
}

/** A policy of random weights, with the adapter of the notebook that Temper follows: r 32 on q and v. */
export function randomPolicy(
  device: Device,
  shape: PPOBench["shape"],
  dtype: PPOBench["dtype"],
  random: Random,
): Policy {
  const config = { ...FLAN, ...SHAPES[shape].policy };
  const store = new FrozenStore(device, new RandomSource(random.uint32()), dtype);
  const model = modelFamily(config, "bench").configure(config, "bench")(device, store);
  const lora = { r: 32, loraAlpha: 32, loraDropout: 0.05, targetModules: ["q", "v"] };
  return createPolicy(model, lora, 1);
}

/** Runs the benchmark. */
export async function benchPPO(
  options: PPOBench,
  limits?: PPOBenchLimits,
): Promise<PPOBenchResult> {
  const { shape, prompt, batch, mini, dtype } = options;
  const device = await openRunDevice(options);
  try {
    const started = performance.now();
    const random = new Random(1);
    const policy = randomPolicy(device, shape, dtype, random);
    const { model } = policy;
    const classifier = new EncoderClassifier(
      device,
      parseEncoderConfig(
        { model_type: "roberta", max_position_embeddings: 514, ...SHAPES[shape].classifier },
        "bench",
      ),
      new FrozenStore(device, new RandomSource(random.uint32()), dtype),
    );
    const trainer = new PPOTrainer(policy, {
      batchSize: batch,
      miniBatchSize: mini,
      ppoEpochs: 1,
      learningRate: 1.41e-5,
      activationMemory: options.activationMemory ?? null,
    });
    const load = (performance.now() - started) / 1000;

    const tokens = (count: number, vocab: number) =>
      Array.from({ length: count }, () => random.integer(2, vocab));
    const queries = Array.from({ length: batch }, () => tokens(prompt, model.vocabSize));
    const times = { generate: [], score: [], optimise: [], step: [] } as Record<string, number[]>;
    const sampling = { minLength: options.new + 2, doSample: true, seed: 1 };
    let counted = { generate: NOTHING, optimise: NOTHING };
    const enough = () => {
      const [count, ms] = [times.step.length, times.step.reduce((sum, ms) => sum + ms, 0)];
      if (limits && count > 0 && limits.secondsLeft() < 1.2 * times.step[0] / 1000) return true;
      return count >= STEPS.maximum || count >= STEPS.minimum && ms >= STEPS.seconds * 1000;
    };
    for (let step = 0; !enough(); step++) {
      const counters = [countersOf(device)];
      const start = performance.now();
      const generated = await trainer.generate(queries, {
        ...sampling,
        maxNewTokens: options.new,
        firstRollout: step * batch,
      });
      counters.push(countersOf(device));
      const responses = generated.map(({ tokens }) => tokens);
      const afterGenerate = performance.now();
      const texts = responses.map((response) =>
        tokens(Math.min(512, prompt + response.length), classifier.config.vocabSize)
      );
      const scores = await score(device, classifier, texts);
      const afterScore = performance.now();
      counters.push(countersOf(device));
      await trainer.step(queries, responses, scores, generated);
      const end = performance.now();
      counters.push(countersOf(device));
      counted = {
        generate: difference(counters[1], counters[0]),
        optimise: difference(counters[3], counters[2]),
      };
      limits?.onStep({
        generate: (afterGenerate - start) / 1000,
        score: (afterScore - afterGenerate) / 1000,
        optimise: (end - afterScore) / 1000,
        step: (end - start) / 1000,
      });
      if (step === 0) continue;
      times.generate.push(afterGenerate - start);
      times.score.push(afterScore - afterGenerate);
      times.optimise.push(end - afterScore);
      times.step.push(end - start);
    }
    const before = countersOf(device);
    await trainer.generate(queries, { ...sampling, maxNewTokens: 1 });
    // Reading the prompts, and one step: the other steps are alike.
    const first = difference(countersOf(device), before);
    const decodingStep = divided(difference(counted.generate, first), options.new - 1);
    const seconds = {
      load,
      generate: median(times.generate) / 1000,
      score: median(times.score) / 1000,
      optimise: median(times.optimise) / 1000,
      step: median(times.step) / 1000,
    };
    const generatedTokens = batch * options.new;
    const peakMemory = { process: peakProcessMemory(), device: device.memory.peak };
    const products = readsPanels(device)
      ? timeProducts(device, stepProducts(model, classifier.config, options), dtype)
      : null;
    return {
      ...options,
      device: device.description,
      steps: times.step.length,
      seconds,
      tokensPerSecond: {
        generate: generatedTokens / seconds.generate,
        step: generatedTokens / seconds.step,
      },
      peakMemory,
      products,
      gpu: device instanceof WebGpuDevice ? { decodingStep, ...counted } : null,
    };
  } finally {
    device.close();
  }
}

/** Formats a result for people. */
export function benchReport(result: PPOBenchResult): string {
  const { shape, prompt, batch, mini, dtype, seconds, tokensPerSecond, peakMemory } = result;
  const rows: [string, string][] = [
    ["generate", `${seconds.generate.toFixed(3)} s`],
    ["score", `${seconds.score.toFixed(3)} s`],
    ["optimise", `${seconds.optimise.toFixed(3)} s`],
    ["step", `${seconds.step.toFixed(3)} s (median of ${result.steps})`],
    [
      "tokens",
      `${tokensPerSecond.generate.toFixed(0)}/s generating, ${
        tokensPerSecond.step.toFixed(0)
      }/s over the step`,
    ],
    [
      "memory",
      `${(peakMemory.process / 1e9).toFixed(2)} GB at most, ${
        (peakMemory.device / 1e9).toFixed(2)
      } GB of it the device's`,
    ],
    ["load", `${seconds.load.toFixed(1)} s`],
    ...(result.products === null ? [] : [[
      "yardstick",
      `${(seconds.step / result.products).toFixed(2)} times the ${
        result.products.toFixed(3)
      } s of the step's matrix products alone`,
    ]] as [string, string][]),
    ...(result.gpu ? gpuRows(result.gpu, batch) : []),
  ];
  return [
    `PPO on random weights: ${shape}, ${dtype}, prompts of ${prompt}, ${result.new} new tokens, ` +
    `batch ${batch}, minibatches of ${mini}`,
    result.device,
    ...rows.map(([name, value]) => `  ${name.padEnd(10)}${value}`),
  ].join("\n");
}

function gpuRows(
  { decodingStep, optimise }: NonNullable<PPOBenchResult["gpu"]>,
  batch: number,
): [string, string][] {
  const launches = ({ dispatches, submits, reads }: DeviceCounters) =>
    `${round(dispatches)} dispatches, ${round(submits)} submits, ${round(reads)} reads`;
  const traffic = ({ bytesUploaded, parameterBytes, bytesRead }: DeviceCounters) =>
    `${round(bytesUploaded)} + ${round(parameterBytes)} B uploaded (data + parameters), ` +
    `${round(bytesRead)} B read`;
  return [
    ["decoding", `${launches(decodingStep)} a step of ${batch} tokens`],
    ["", `${traffic(divided(decodingStep, batch))} a token`],
    ["optimise", launches(optimise)],
    ["", traffic(optimise)],
  ];
}

function round(value: number): string {
  return value < 100 ? String(Math.round(value * 100) / 100) : value.toFixed(0);
}

const NOTHING: DeviceCounters = {
  dispatches: 0,
  submits: 0,
  bytesUploaded: 0,
  parameterBytes: 0,
  bytesRead: 0,
  reads: 0,
};

function countersOf(device: Device): DeviceCounters {
  return device instanceof WebGpuDevice ? { ...device.counters } : NOTHING;
}

function difference(after: DeviceCounters, before: DeviceCounters): DeviceCounters {
  return mapCounters((name) => after[name] - before[name]);
}

function divided(counters: DeviceCounters, by: number): DeviceCounters {
  return mapCounters((name) => counters[name] / by);
}

function mapCounters(value: (name: keyof DeviceCounters) => number): DeviceCounters {
  const names = Object.keys(NOTHING) as (keyof DeviceCounters)[];
  return Object.fromEntries(names.map((name) => [name, value(name)])) as unknown as DeviceCounters;
}

async function score(
  device: Device,
  classifier: EncoderClassifier,
  texts: readonly (readonly number[])[],
): Promise<number[]> {
  const cx = new Context(device);
  try {
    const logits = await classifier.logits(cx, texts).read();
    return texts.map((_, i) => logits[i * classifier.config.labels.length]);
  } finally {
    cx.release();
  }
}

function median(values: readonly number[]): number {
  return values.toSorted((a, b) => a - b)[values.length >> 1];
}
