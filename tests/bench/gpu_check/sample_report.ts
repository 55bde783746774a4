import { FORMAT, type GpuReport, type StageReport } from "../../../bench/gpu_check/report.ts";
import { STAGES } from "../../../bench/gpu_check/stages.ts";

/** A finished stage with this result. */
export function done<Result>(result: Result): StageReport<Result> {
  return { state: "done", seconds: 1, limit: 2, note: null, result };
}

const LIMITS = {
  maxBufferSize: 1,
  maxStorageBufferBindingSize: 1,
  maxStorageBuffersPerShaderStage: 1,
  maxComputeWorkgroupStorageSize: 1,
  maxComputeInvocationsPerWorkgroup: 1,
  maxComputeWorkgroupSizeX: 1,
  maxComputeWorkgroupSizeY: 1,
  maxComputeWorkgroupSizeZ: 1,
  maxComputeWorkgroupsPerDimension: 1,
};

/** A report on an invented card, with these stages; the others were skipped. */
export function sampleReport(
  { software = false, stages = {} }: { software?: boolean; stages?: Partial<GpuReport["stages"]> },
): GpuReport {
  const skipped = { state: "skipped", seconds: 0, limit: 0, note: null, result: null };
  const facts = done({
    machine: {
      ...{ deno: "2.9.6", v8: "15", platform: "x86_64-unknown-linux-gnu", cores: 16 },
      wasm: { sharedMemory: true, canWait: true },
      adapter: {
        ...{ description: "WebGPU, Card 9000", software, features: [], subgroupSizes: null },
        limits: LIMITS,
        missing: [],
      },
      reads: { works: true, reason: "" },
    },
    info: { vendor: "", architecture: "", device: "", description: "Card 9000" },
    ...{ os: "6.1", cpu: "", memory: 1, loader: "/lib/libvulkan.so.1", drivers: ["/a.json"] },
    nvidia: "Card 9000, 570.1, 1 MiB, 1 MHz, 1 W",
  });
  return {
    ...{ format: FORMAT, temper: "1.2 abc", started: "2026-01-02T03:04:05.000Z" },
    ...{ minutes: 9, seconds: 100, ended: true, environment: {} },
    peak: { tflops: 10, source: "user" },
    stages: {
      ...Object.fromEntries(STAGES.map(({ name }) => [name, skipped])) as GpuReport["stages"],
      facts,
      ...stages,
    },
  };
}
