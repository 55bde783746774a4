import { merge, object } from "@optique/core/constructs";
import { message } from "@optique/core/message";
import { command, constant, negatableFlag } from "@optique/core/primitives";
import type { InferValue } from "@optique/core/parser";
import { NO_ADAPTER_ADVICE } from "../platform/gpu_advice.ts";
import { deviceFields } from "../runs/settings/config.ts";
import type { DawnFacts, Machine } from "../doctor/machine.ts";
import type { AdapterFacts } from "../device/webgpu/adapter.ts";
import type { GpuName } from "../device/webgpu/gpu.ts";
import type { Check, DeviceName } from "../doctor/check.ts";
import { UserError } from "../errors.ts";
import { examples, jsonOption, paragraphs, preset } from "./options.ts";
import { optionsFromSchema } from "./options_from_schema.ts";
import { visibleLine } from "../visible_text.ts";
import { lineWidth, print } from "./terminal.ts";
import { hanging } from "./text_layout.ts";

const { device } = deviceFields;

/** `temper doctor` */
export const doctorCommand = command(
  "doctor",
  merge(
    object({
      command: constant("doctor"),
      selfTest: preset(
        negatableFlag({ positive: "--self-test", negative: "--no-self-test" }, {
          description: message`Test each device, for about ten seconds`,
        }),
        true,
      ),
      json: jsonOption(),
    }),
    optionsFromSchema("Device", {
      device: device.describe(
        "Device to test beside wasm; auto takes a GPU if there is one; dawn is Chrome's WebGPU, from npm",
      ),
    }),
  ),
  {
    brief: message`Show this machine's capabilities, and test them.`,
    description: paragraphs(
      "Prints the GPU with its features and limits, the support for WASM threads, and the cache " +
        "folders. Then tests each device: kernels against f64 references, and generation and a PPO " +
        "step with the demo model, which must give the same result on every device. Before that, " +
        "it compiles a GPU's kernels in another process, which names the kernel if the driver " +
        "crashes. Exits with code 1 if a check fails.",
    ),
    footer: examples(
      ["For a bug report", "temper doctor --json"],
      ["Chrome's WebGPU on this machine", "temper doctor --device dawn"],
    ),
  },
);

/** Inspects and tests the machine, and prints what it finds. */
export async function runDoctor(
  { selfTest: wanted, json, device = "auto" }: InferValue<typeof doctorCommand>,
): Promise<void> {
  const { inspectMachine } = await import("../doctor/machine.ts");
  const { knownTuning } = await import("../runs/loading/device.ts");
  const machine = await inspectMachine({ dawn: device === "dawn" });
  const tuning = machine.adapter && await knownTuning(machine.adapter);
  if (!json) print(describeMachine(machine, tuning));
  let checks: Check[] = [];
  if (wanted) {
    const { selfTest } = await import("../doctor/self_test.ts");
    const found = machine.adapter?.missing.length === 0 ? "webgpu" : "wasm";
    const devices = new Set<DeviceName>(["wasm", device === "auto" ? found : device]);
    if (!json) print("\nself-test");
    const width = lineWidth();
    const report = json ? () => {} : (check: Check) => print(describeCheck(check, width));
    checks = await selfTest([...devices], report);
  }
  if (json) print(JSON.stringify({ machine, tuning, checks }, null, 2));
  const failed = checks.filter(({ passed }) => !passed);
  if (failed.length > 0) {
    const names = failed.map(({ device, name }) => `${device} ${name}`).join(", ");
    throw new UserError(
      `${failed.length} of ${checks.length} checks failed (${names}): do not train on that device`,
    );
  }
}

function describeMachine(machine: Machine, tuning: Record<string, string> | null): string {
  const { adapter, reads, dawn, wasm, caches } = machine;
  const threads = wasm.sharedMemory && wasm.canWait
    ? "threads share memory (SharedArrayBuffer)"
    : "threads cannot share memory: one thread";
  const rows = [
    ["machine", `${machine.platform}, ${machine.cores} cores`],
    ["deno", `${machine.deno}, V8 ${machine.v8}`],
    ["wasm", threads],
    ["caches", caches.hub],
    ["", caches.temper],
    ...(adapter
      ? describeGpu("webgpu", adapter)
      : [["webgpu", `no adapter: ${NO_ADAPTER_ADVICE}`]]),
    ...(adapter ? describeTuning(adapter.software, tuning) : []),
    ...(reads ? [["", describeReads(reads)]] : []),
    ...(dawn ? [...describeGpu("dawn", dawn), ["", describeMatrices(dawn)]] : []),
  ];
  return rows.map(([name, value]) => `${name.padEnd(10)}${value}`).join("\n");
}

function describeGpu(
  name: GpuName,
  { description, features, subgroupSizes, limits, missing }: AdapterFacts,
): string[][] {
  const mib = (bytes: number) => `${Math.floor(bytes / 2 ** 20)} MiB`;
  const sizes = subgroupSizes && [...new Set(subgroupSizes)].join(" to ");
  return [
    [name, visibleLine(description)],
    ["", `subgroups ${sizes ? `of ${sizes} threads` : "not granted"}`],
    ["", `${features.includes("timestamp-query") ? "" : "no "}timestamps, for --profile`],
    [
      "",
      `buffers of ${mib(limits.maxBufferSize)}, ${mib(limits.maxStorageBufferBindingSize)} ` +
      `bound at once`,
    ],
    ["", `${limits.maxStorageBuffersPerShaderStage} storage buffers a kernel`],
    [
      "",
      `workgroups of ${limits.maxComputeInvocationsPerWorkgroup} threads, with ` +
      `${limits.maxComputeWorkgroupStorageSize / 1024} KiB`,
    ],
    ...missing.map((limit) => ["", `CANNOT BE USED: ${limit}`]),
  ];
}

/** The autotuner's choices: kernels, each with its classes of shapes. */
function describeTuning(software: boolean, tuning: Record<string, string> | null): string[][] {
  if (software) return [];
  const choices = Object.entries(tuning ?? {});
  if (choices.length === 0) {
    return [[
      "",
      tuning ? "fastest kernels not measured: no timestamps" : "fastest kernels not measured yet",
    ]];
  }
  const classes = Map.groupBy(choices, ([, variant]) => variant);
  return [
    ["", "fastest kernels by shape, as measured:"],
    ...Array.from(classes, ([variant, kinds]) => [
      "",
      `  ${variant}: ${kinds.map(([kind]) => kind).join(", ")}`,
    ]),
  ];
}

function describeMatrices({ subgroupMatrices }: DawnFacts): string {
  return subgroupMatrices.length > 0
    ? `subgroup matrices, not used: ${subgroupMatrices.map(visibleLine).join(", ")}`
    : "no subgroup matrices";
}

function describeReads({ works, reason }: NonNullable<Machine["reads"]>): string {
  return works ? "reads without waiting 10 ms" : `reads wait 10 ms (${visibleLine(reason)})`;
}

function describeCheck(
  { device, name, passed, detail, seconds }: Check,
  width: number,
): string {
  const mark = passed ? "ok  " : "FAIL";
  return hanging(
    `  ${mark} ${device.padEnd(7)}${name.padEnd(24)}${seconds.toFixed(2).padStart(5)} s  `,
    detail,
    width,
  );
}
