import { join } from "../../platform/paths.ts";
import { provesSubgroups } from "../../../kernels/matmul/equal_variants.ts";
import { autotuneMatmul } from "../../../kernels/matmul/autotune.ts";
import { MATMUL_CODE } from "../../../kernels/matmul/matmul_variants.ts";
import { SEVERAL_CODE } from "../../../kernels/matmul/matmul_several.ts";
import { autotuneDraws } from "../../../kernels/sample/autotune.ts";
import { DRAW_CODE, DRAWS, everyDraw } from "../../../kernels/sample/draw_gpu.ts";
import { compareDraws } from "../../../kernels/sample/equal_draws.ts";
import { cacheDirectory } from "../../platform/cache_directory.ts";
import type { Device, GpuDevice } from "../../device/device.ts";
import { type DeviceOptions, openDevice } from "../../device/open.ts";
import { LaunchTimes } from "../../device/profile.ts";
import type { AdapterFacts } from "../../device/webgpu/adapter.ts";
import { findGpu, openGpu } from "../../device/webgpu/gpu.ts";
import type { CompilationHooks } from "../../device/webgpu/pipelines.ts";
import { writeFileAtomic } from "../../platform/atomic_write.ts";
import { makeFolder, readTextFile } from "../../platform/files.ts";
import { denoVersion } from "../../platform/subprocess.ts";

/** Settings of a run's device. */
export interface RunDeviceOptions extends DeviceOptions {
  /** Measure on a GPU's first use which kernels are the fastest. Default true. */
  autotune?: boolean;
}

/** Seconds of compiling kernels after which that is told. */
const PATIENCE_SECONDS = 5;

/**
 * Opens a run's device, and chooses a GPU's kernels: those with subgroups where they prove equal to the
 * others, and the fastest, as measured before on this adapter, or else now, which takes some seconds.
 * Software adapters are not worth measuring.
 *
 * @param info called with a line for people while the GPU's kernels are compiled, if that takes long
 * @throws {UserError} as {@linkcode openDevice}
 */
export async function openRunDevice(
  { autotune = true, ...options }: RunDeviceOptions = {},
  info: (line: string) => void = () => {},
): Promise<Device> {
  const device = await openDevice({ compilation: compilationNotes(info), ...options });
  if (autotune && device.kind === "webgpu") {
    const { device: name } = options;
    await tune(device, cacheDirectory(), { name, prove: () => proveSubgroups(name) });
  }
  return device;
}

/** Tries subgroups on a device of its own: a kernel that fails would take the run's device with it. */
async function proveSubgroups(name: DeviceOptions["device"]): Promise<boolean> {
  const device = await openDevice({ device: name });
  try {
    return device.kind === "webgpu" && await provesSubgroups(device);
  } catch {
    return false;
  } finally {
    device.close();
  }
}

/** Ways to find out what a GPU's file says. */
export interface TuningTrials {
  /** Name that the device was opened by. */
  readonly name?: DeviceOptions["device"];
  /** Finds out if the kernels with subgroups are equal to the others. */
  readonly prove: () => Promise<boolean>;
  /**
   * Measures products and draws, and puts the choices into a map. Default:
   * {@linkcode measureKernels}, on hardware only.
   */
  readonly measure?: (device: GpuDevice, choices: Map<string, string>) => Promise<void>;
}

/** Facts about an adapter's kernels. */
interface KnownKernels {
  /** True where kernels with subgroups are equal to the others. */
  usesSubgroups: boolean;
  /** The fastest variant for each class of products and draws. */
  choices: Record<string, string>;
}

/**
 * Tells how far the compilation of kernels has come, when it takes long: kernels are compiled when they
 * are first used, so the first step would be silent.
 */
export function compilationNotes(info: (line: string) => void): CompilationHooks {
  let [kernels, total, told] = [0, 0, PATIENCE_SECONDS / 2];
  return {
    compiling(kernel) {
      if (total < 2 * told) return;
      info(`compiled ${kernels} kernels for the GPU in ${total.toFixed(0)} s; next: ${kernel}`);
      told = total;
    },
    compiled(_, seconds) {
      kernels++;
      total += seconds;
    },
  };
}

/**
 * Sets the device's `usesSubgroups` and `tuning` from the file of its adapter and these kernels in
 * `folder`; without a usable one, written by this version of Deno, it tries and measures, and writes it.
 *
 * @returns the file
 */
export async function tune(
  device: GpuDevice,
  folder: string,
  { name, prove, measure }: TuningTrials,
): Promise<string> {
  // An adapter that imitates a GPU is not worth measuring.
  measure ??= async (device, choices) => {
    if (!device.software) await measureKernels(device, name, choices);
  };
  const path = await tuningPath(device, folder);
  const known = await readKnown(path);
  device.usesSubgroups = known ? known.usesSubgroups : await prove();
  const chosen = new Map(Object.entries(known?.choices ?? {}));
  // A failure may be temporary, such as no free memory: what was measured before it serves this run, and
  // the next one measures again.
  const isNew = !known && await measure(device, chosen).then(() => true, () => false);
  for (const [kind, name] of chosen) device.tuning.set(kind, name);
  if (!isNew) return path;
  try {
    await makeFolder(folder);
    const { description: adapter, subgroupSize, usesSubgroups } = device;
    const subgroups = subgroupSize ?? "no";
    const choices = Object.fromEntries(chosen);
    const content = { adapter, deno: denoVersion(), subgroups, usesSubgroups, choices };
    await writeFileAtomic(path, JSON.stringify(content, null, 2) + "\n");
  } catch {
    // Without a writable cache it is measured again the next time.
  }
  return path;
}

async function tuningPath(
  { description, subgroupSize }: Pick<GpuDevice, "description" | "subgroupSize">,
  folder: string,
): Promise<string> {
  const subgroups = subgroupSize ?? "no";
  const kernels = MATMUL_CODE + SEVERAL_CODE + DRAW_CODE;
  const code = await digest(kernels + description + subgroups);
  return join(folder, `matmul-${code}.json`);
}

/**
 * Reads the choices of {@linkcode tune} for an adapter: the variant of the matrix product by class of
 * shapes; null if it has not been tuned.
 */
export async function knownTuning(
  { description, subgroupSizes }: Pick<AdapterFacts, "description" | "subgroupSizes">,
  folder: string = cacheDirectory(),
): Promise<Record<string, string> | null> {
  const [smallest, largest] = subgroupSizes ?? [null, null];
  const subgroupSize = smallest === largest ? smallest : null;
  const known = await readKnown(await tuningPath({ description, subgroupSize }, folder));
  return known && known.choices;
}

/**
 * Measures products and draws on a separate device, with timestamps: a kernel that fails would lose the
 * run's device. Choices are put into the map as soon as they are known.
 *
 * @param options of {@linkcode autotuneMatmul}, for tests
 */
export async function measureKernels(
  { usesSubgroups }: Pick<GpuDevice, "usesSubgroups">,
  name: DeviceOptions["device"],
  choices: Map<string, string>,
  options?: Parameters<typeof autotuneMatmul>[2],
): Promise<void> {
  const add = (measured: ReadonlyMap<string, string>) => {
    for (const [kind, choice] of measured) choices.set(kind, choice);
  };
  const gpu = await findGpu(name === "dawn" ? "dawn" : "webgpu");
  const hasTimes = gpu?.adapter.features.has("timestamp-query") ?? false;
  const times = new LaunchTimes();
  const timed = gpu && hasTimes ? await openGpu(gpu, { times }) : null;
  try {
    if (timed) {
      timed.usesSubgroups = usesSubgroups;
      add(await autotuneMatmul(timed, times, options));
    }
    if (!await provesDraws(name)) add(everyDraw(DRAWS.one));
    else add(timed ? await autotuneDraws(timed, times) : everyDraw(DRAWS.several));
  } finally {
    timed?.close();
  }
}

/** Compares the draws of one and of several workgroups on a device of their own. */
async function provesDraws(name: DeviceOptions["device"]): Promise<boolean> {
  const device = await openDevice({ device: name });
  try {
    return device.kind === "webgpu" && (await compareDraws(device)).differing === 0;
  } finally {
    device.close();
  }
}

/** Reads a file of {@linkcode tune}; null if it is broken, or of a Deno whose compiler may be another. */
async function readKnown(path: string): Promise<KnownKernels | null> {
  try {
    const { deno, usesSubgroups, choices } = JSON.parse(await readTextFile(path));
    const isUsable = deno === denoVersion() && typeof usesSubgroups === "boolean" &&
      Object.values(choices).every((name) => typeof name === "string");
    return isUsable ? { usesSubgroups, choices } : null;
  } catch {
    return null;
  }
}

/** The first half of a text's SHA-256. */
async function digest(text: string): Promise<string> {
  const hash = await crypto.subtle.digest("SHA-256", new TextEncoder().encode(text));
  return new Uint8Array(hash, 0, 8).toHex();
}
