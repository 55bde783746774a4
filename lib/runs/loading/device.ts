import { join } from "../../platform/paths.ts";
import { autotuneMatmul, hasTunableProducts } from "../../../kernels/matmul/autotune.ts";
import { MATMUL_CODE } from "../../../kernels/matmul/matmul_variants.ts";
import { cacheDirectory } from "../../platform/cache_directory.ts";
import type { Device, GpuDevice } from "../../device/device.ts";
import { type DeviceOptions, openDevice } from "../../device/open.ts";
import type { CompilationHooks } from "../../device/webgpu/pipelines.ts";
import { writeFileAtomic } from "../../platform/atomic_write.ts";
import { makeFolder, readTextFile } from "../../platform/files.ts";

/** Settings of a run's device. */
export interface RunDeviceOptions extends DeviceOptions {
  /** Measure on a GPU's first use which kernels are the fastest. Default true. */
  autotune?: boolean;
}

/** Seconds of compiling kernels after which that is told. */
const PATIENCE_SECONDS = 5;

/**
 * Opens a run's device, and chooses a GPU's fastest kernels: as measured before on this adapter, or
 * else now, which takes some seconds. Software adapters are not worth it.
 *
 * @param info called with a line for people while the GPU's kernels are compiled, if that takes long
 * @throws {UserError} as {@linkcode openDevice}
 */
export async function openRunDevice(
  { autotune = true, ...options }: RunDeviceOptions = {},
  info: (line: string) => void = () => {},
): Promise<Device> {
  const device = await openDevice({ compilation: compilationNotes(info), ...options });
  if (autotune && hasTunableProducts(device)) await tune(device, cacheDirectory());
  return device;
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
 * Sets the device's `tuning` from the file of its adapter and these kernels in `folder`; without a
 * usable one it measures, and writes it.
 *
 * @returns the file
 */
export async function tune(
  device: GpuDevice,
  folder: string,
  measure: typeof autotuneMatmul = autotuneMatmul,
): Promise<string> {
  const subgroups = device.subgroupSize ?? "no";
  const code = await digest(MATMUL_CODE + device.description + subgroups);
  const path = join(folder, `matmul-${code}.json`);
  const choices = await readChoices(path) ?? Object.fromEntries(await measure(device));
  for (const [kind, name] of Object.entries(choices)) device.tuning.set(kind, name);
  try {
    await makeFolder(folder);
    const content = { adapter: device.description, subgroups, choices };
    await writeFileAtomic(path, JSON.stringify(content, null, 2) + "\n");
  } catch {
    // Without a writable cache it is measured again the next time.
  }
  return path;
}

async function readChoices(path: string): Promise<Record<string, string> | null> {
  try {
    const { choices } = JSON.parse(await readTextFile(path));
    const entries = Object.entries(choices);
    const usable = entries.length > 0 && entries.every(([, name]) => typeof name === "string");
    return usable ? choices : null;
  } catch {
    return null;
  }
}

/** The first half of a text's SHA-256. */
async function digest(text: string): Promise<string> {
  const hash = await crypto.subtle.digest("SHA-256", new TextEncoder().encode(text));
  return new Uint8Array(hash, 0, 8).toHex();
}
