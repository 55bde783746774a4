/**
 * Work of a decoding step on a GPU, by kernel: dispatches, workgroups and bytes, counted from what would
 * be launched. Nothing runs, so it takes no GPU, and shapes may be those of real models.
 *
 * deno run -A bench/decode_work.ts                       flan-t5-base, 16 rows, and SmolLM2, 8 rows
 * deno run -A bench/decode_work.ts qwen2.5-0.5b --rows 8 --prompt 200 --new 300
 */
import { parseArgs } from "node:util";
import { DRAWS, everyDraw } from "../kernels/sample/draw_gpu.ts";
import type { JsonObject } from "../lib/formats/hf_config.ts";
import { generate } from "../lib/generation/generate.ts";
import { createPolicy } from "../lib/models/policy.ts";
import { modelFamily } from "../lib/models/registry.ts";
import { FrozenStore, type WeightSource } from "../lib/models/weight_store.ts";
import { CountingDevice, type KernelWork } from "./counting_device.ts";
import MODEL_CONFIGS from "./model_configs.json" with { type: "json" };

/** Batch that is decoded. */
export interface Batch {
  readonly rows: number;
  readonly prompt: number;
  readonly new: number;
}

/** Settings without arguments: the mission's batch, and that of `bench step`. */
const DEFAULTS: readonly (readonly [string, Batch])[] = [
  ["flan-t5-base", { rows: 16, prompt: 200, new: 300 }],
  ["smollm2-135m", { rows: 8, prompt: 200, new: 300 }],
];

/** Zeros: nothing reads them. */
const ZEROS: WeightSource = {
  has: () => true,
  read: (_name, shape, _first, count = shape[0]) =>
    new Float32Array(count * shape.slice(1).reduce((a, b) => a * b, 1)),
};

/** Work of the mean step: an adapter of rank 32 on PEFT's defaults, a value head, log-probabilities. */
export async function workPerStep(config: JsonObject, { rows, prompt, new: tokens }: Batch) {
  const device = new CountingDevice();
  // As on a GPU where that was measured to be faster.
  for (const [kind, choice] of everyDraw(DRAWS.several)) device.tuning.set(kind, choice);
  const store = new FrozenStore(device, ZEROS, "bf16");
  const model = modelFamily(config, "bench").configure(config, "bench")(device, store);
  const targetModules = [...model.defaultTargets];
  const lora = { r: 32, loraAlpha: 32, loraDropout: 0, targetModules };
  const { adapter, valueHead } = createPolicy(model, lora, 1);
  const prompts = Array.from(
    { length: rows },
    (_, row) => Array.from({ length: prompt }, (_, i) => 5 + (row + i) % 400),
  );
  const reported = { adapter, valueHead, logprobs: true };
  const count = async (maxNewTokens: number) => {
    device.clear();
    const lengths = { maxNewTokens, minNewTokens: maxNewTokens };
    await generate(model, prompts, { ...lengths, doSample: true, seed: 1 }, reported);
    return { kernels: device.work(), reads: device.reads };
  };
  const [first, all] = [await count(1), await count(tokens)];
  const steps = tokens - 1;
  const before = new Map(first.kernels.map((work) => [work.kernel, work]));
  const kernels = all.kernels.map((work): KernelWork => {
    const each = (of: "dispatches" | "workgroups" | "bytesRead" | "bytesWritten") =>
      (work[of] - (before.get(work.kernel)?.[of] ?? 0)) / steps;
    return {
      kernel: work.kernel,
      dispatches: each("dispatches"),
      workgroups: each("workgroups"),
      bytesRead: each("bytesRead"),
      bytesWritten: each("bytesWritten"),
    };
  }).filter(({ dispatches }) => dispatches > 0);
  return { kernels, reads: (all.reads - first.reads) / steps };
}

function table(kernels: readonly KernelWork[]): string[] {
  const sum = (of: "dispatches" | "workgroups" | "bytesRead" | "bytesWritten") =>
    kernels.reduce((total, work) => total + work[of], 0);
  const total: KernelWork = {
    kernel: "all",
    dispatches: sum("dispatches"),
    workgroups: sum("workgroups"),
    bytesRead: sum("bytesRead"),
    bytesWritten: sum("bytesWritten"),
  };
  const line = ({ kernel, dispatches, workgroups, bytesRead, bytesWritten }: KernelWork) => [
    kernel,
    dispatches < 1 ? dispatches.toFixed(2) : dispatches.toFixed(0),
    (workgroups / dispatches).toFixed(0),
    (bytesRead / 1e6).toFixed(2),
    (bytesWritten / 1e6).toFixed(2),
  ];
  const cells = [
    ["kernel", "dispatches", "workgroups each", "MB read", "MB written"],
    ...[...kernels, total].map(line),
  ];
  const widths = cells[0].map((_, i) => Math.max(...cells.map((row) => row[i].length)));
  const lines = cells.map((row) =>
    `| ${
      row.map((cell, i) => i === 0 ? cell.padEnd(widths[0]) : cell.padStart(widths[i])).join(" | ")
    } |`
  );
  const rule = widths.map((width, i) => i === 0 ? "-".repeat(width) : "-".repeat(width - 1) + ":");
  return [lines[0], `| ${rule.join(" | ")} |`, ...lines.slice(1)];
}

if (import.meta.main) {
  const { values, positionals } = parseArgs({
    allowPositionals: true,
    options: {
      rows: { type: "string", default: "8" },
      prompt: { type: "string", default: "200" },
      new: { type: "string", default: "300" },
    },
  });
  const given = { rows: +values.rows, prompt: +values.prompt, new: +values.new };
  const wanted = positionals.length === 0
    ? DEFAULTS
    : positionals.map((name) => [name, given] as const);
  const configs: Readonly<Record<string, JsonObject | undefined>> = MODEL_CONFIGS;
  for (const [name, batch] of wanted) {
    const config = configs[name];
    if (!config) throw new Error(`no shape ${name}: use ${Object.keys(configs).join(", ")}`);
    const { kernels, reads } = await workPerStep(config, batch);
    const { rows, prompt, new: tokens } = batch;
    console.log(`${name} in bf16, ${rows} rows, prompts of ${prompt}, responses of ${tokens}:`);
    console.log(`the mean step, ${reads.toFixed(3)} waits of the host for results\n`);
    console.log(table(kernels).join("\n") + "\n");
  }
}
