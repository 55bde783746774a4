import { assetUrl } from "../../assets.ts";
import type { GpuName } from "../device/webgpu/gpu.ts";
import { runModule, type SubprocessResult } from "../platform/subprocess.ts";
import type { HalfFloats } from "./half_floats.ts";

/** Line that compile_kernels.ts prints. */
export type CompileLine =
  | { readonly compiling: string }
  | { readonly compiled: string; readonly seconds: number }
  | { readonly halfFloats: HalfFloats };

/** Compilation of the kernels on a GPU. */
export interface CompileReport {
  /** Number of kernels that were compiled. */
  readonly kernels: number;
  /** Seconds of all. */
  readonly seconds: number;
  /** The slowest one; null where there is none. */
  readonly slowest: { readonly kernel: string; readonly seconds: number } | null;
  /** Half-precision arithmetic; null where it did not come so far. */
  readonly halfFloats: HalfFloats | null;
  /** Error, with the kernel's name; null where all is well. */
  readonly failure: string | null;
}

/** Seconds that the compiler has for all kernels. */
const TIMEOUT_SECONDS = 600;

/**
 * Compiles and runs kernels in a process of its own.
 *
 * @returns null where starting a process needs a permission that this one does not have
 */
export async function compileKernels(device: GpuName): Promise<CompileReport | null> {
  const result = await runModule(assetUrl("lib/doctor/compile_kernels.ts"), {
    input: device,
    timeoutMs: TIMEOUT_SECONDS * 1000,
    nativeLibraries: device === "dawn",
  });
  return result && readReport(result);
}

/** Reads what compile_kernels.ts has printed up to its end. */
export function readReport({ success, stdout, stderr }: SubprocessResult): CompileReport {
  const slow: { kernel: string; seconds: number }[] = [];
  let [compiling, halfFloats] = [null as string | null, null as HalfFloats | null];
  for (const text of stdout.split("\n")) {
    const line = parseLine(text);
    if (!line) continue;
    if ("compiling" in line) compiling = line.compiling;
    else if ("halfFloats" in line) [halfFloats, compiling] = [line.halfFloats, null];
    else {
      slow.push({ kernel: line.compiled, seconds: line.seconds });
      compiling = null;
    }
  }
  const message = /error: .*?Error: (.*)/.exec(stderr)?.[1];
  const reason = message ?? "the process ended";
  const failure = success
    ? null
    : compiling !== null
    ? `${compiling} does not compile: ${reason}`
    : message ?? `the process ended after ${slow.at(-1)?.kernel ?? "its start"}`;
  return {
    kernels: slow.length,
    seconds: slow.reduce((sum, { seconds }) => sum + seconds, 0),
    slowest: slow.sort((a, b) => b.seconds - a.seconds)[0] ?? null,
    halfFloats,
    failure,
  };
}

/** Other lines are the driver's own. */
function parseLine(text: string): CompileLine | null {
  try {
    return JSON.parse(text);
  } catch {
    return null;
  }
}
