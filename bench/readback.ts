/**
 * Cost of reading from a GPU, awaited and not, and how often decoding reads. Called by
 * `temper bench readback`.
 */
import { describeAdapter, findAdapter } from "../lib/device/webgpu/adapter.ts";
import { NO_ADAPTER_ADVICE } from "../lib/platform/gpu_advice.ts";
import { hasImmediateReads } from "../lib/device/webgpu/immediate_reads.ts";
import { WebGpuDevice } from "../lib/device/webgpu/webgpu_device.ts";
import { UserError } from "../lib/errors.ts";
import { generate } from "../lib/generation/generate.ts";
import { RandomSource } from "../lib/models/random_weights.ts";
import { modelFamily } from "../lib/models/registry.ts";
import { FrozenStore } from "../lib/models/weight_store.ts";
import { DECODER_SHAPES } from "./shapes.ts";

/** Measurements with one way of reading. */
export interface ReadbackTimes {
  /** True where reads are not awaited. */
  immediate: boolean;
  /** Median milliseconds of a read of the results of one launch, by its bytes. */
  milliseconds: Record<number, number>;
  /** Decoding of some rows at once on a tiny model of random weights. */
  decoding: {
    rows: number;
    /** Steps, each of which draws a token for each row. */
    steps: number;
    /** Milliseconds, dispatches, submits and reads of a step. */
    perStep: { milliseconds: number; dispatches: number; submits: number; reads: number };
  };
}

/** Result of the benchmark. */
export interface ReadbackBenchResult {
  device: string;
  /** Why reads are awaited on this machine; empty where they are not. */
  reason: string;
  ways: ReadbackTimes[];
}

/** Options of the benchmark. */
export interface ReadbackBench {
  /** Number of reads of each size. */
  reads: number;
  /** Rows that are decoded at once. */
  rows: number;
  /** Tokens that are decoded of each row. */
  steps: number;
}

/** Bytes of the reads. */
const BYTES = [4, 65536];
/** Number of tokens of the prompt. */
const PROMPT = 32;

/** Runs the benchmark. @throws {UserError} where there is no adapter */
export async function benchReadback(options: ReadbackBench): Promise<ReadbackBenchResult> {
  const adapter = await findAdapter();
  if (!adapter) throw new UserError(`there is no WebGPU adapter: ${NO_ADAPTER_ADVICE}`);
  const { works, reason } = await hasImmediateReads(describeAdapter(adapter));
  const ways: ReadbackTimes[] = [];
  for (const immediate of works ? [false, true] : [false]) {
    // An adapter makes one device.
    const device = await WebGpuDevice.create((await findAdapter())!, { immediateReads: immediate });
    try {
      const milliseconds: Record<number, number> = {};
      for (const bytes of BYTES) {
        milliseconds[bytes] = await medianRead(device, bytes, options.reads);
      }
      ways.push({ immediate, milliseconds, decoding: await decode(device, options) });
    } finally {
      device.close();
    }
  }
  return { device: describeAdapter(adapter), reason, ways };
}

async function medianRead(device: WebGpuDevice, bytes: number, reads: number): Promise<number> {
  const span = { buffer: device.alloc(bytes), byteOffset: 0 };
  const times: number[] = [];
  for (let i = 0; i <= reads; i++) {
    device.write(span, Int32Array.of(i));
    const start = performance.now();
    await device.read(span, bytes);
    // The first one makes the buffer.
    if (i > 0) times.push(performance.now() - start);
  }
  device.free(span.buffer);
  return times.sort((a, b) => a - b)[reads >> 1];
}

async function decode(
  device: WebGpuDevice,
  { rows, steps }: ReadbackBench,
): Promise<ReadbackTimes["decoding"]> {
  const config = DECODER_SHAPES.tiny;
  const store = new FrozenStore(device, new RandomSource(1), "f32");
  const model = modelFamily(config, "bench").configure(config, "bench")(device, store);
  const prompts = [Array.from({ length: PROMPT }, (_, i) => 5 + i)];
  const run = async (maxNewTokens: number) => {
    const before = { ...device.counters };
    const start = performance.now();
    await generate(model, prompts, {
      ...{ maxNewTokens, minNewTokens: maxNewTokens, numReturnSequences: rows, doSample: true },
    });
    const milliseconds = performance.now() - start;
    const { dispatches, submits, reads } = device.counters;
    return {
      milliseconds,
      dispatches: dispatches - before.dispatches,
      submits: submits - before.submits,
      reads: reads - before.reads,
    };
  };
  await run(steps);
  // What the prompt costs is in both.
  const [one, all] = [await run(1), await run(steps + 1)];
  const each = (name: keyof typeof all) => (all[name] - one[name]) / steps;
  return {
    rows,
    steps,
    perStep: {
      milliseconds: each("milliseconds"),
      dispatches: each("dispatches"),
      submits: each("submits"),
      reads: each("reads"),
    },
  };
}

/** Formats a result for people. */
export function readbackReport({ device, reason, ways }: ReadbackBenchResult): string {
  const lines = ways.flatMap(({ immediate, milliseconds, decoding: { rows, perStep } }) => [
    `${immediate ? "not awaited" : "awaited"}`,
    ...BYTES.map((bytes) => `  a read of ${bytes} bytes: ${milliseconds[bytes].toFixed(2)} ms`),
    `  a step of decoding ${rows} rows: ${perStep.milliseconds.toFixed(2)} ms, ` +
    `${perStep.dispatches.toFixed(1)} dispatches, ${perStep.submits.toFixed(2)} submits, ` +
    `${perStep.reads.toFixed(3)} reads`,
  ]);
  return [device, ...lines, ...(reason ? [`reads are awaited here: ${reason}`] : [])].join("\n");
}
