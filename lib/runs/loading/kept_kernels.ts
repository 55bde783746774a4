import type { GpuDevice, KernelRecipe } from "../../device/device.ts";
import { makeFolder, readTextFile } from "../../platform/files.ts";
import { writeFileAtomic } from "../../platform/atomic_write.ts";
import { Sha256 } from "../../platform/hash.ts";
import { join } from "../../platform/paths.ts";

/** A file's recipes; kernels of one module share its text. */
interface KeptKernels {
  readonly codes: readonly string[];
  readonly kernels: readonly (Omit<KernelRecipe, "code"> & { readonly code: number })[];
}

/**
 * Compiles the kernels that a run of this purpose launched the last time, before its first step needs
 * them. A file that cannot be read, or is of other code, changes nothing but the time.
 *
 * @param folder where {@linkcode keepKernels} has left them
 * @param purpose the kind of run and its model
 */
export async function prepareKernels(
  device: GpuDevice,
  folder: string,
  purpose: string,
): Promise<void> {
  const kept = await readKept(pathOf(device, folder, purpose));
  if (kept.length > 0) await device.prepare(kept);
}

/** Keeps the kernels that a run has launched, for {@linkcode prepareKernels}. */
export async function keepKernels(
  device: GpuDevice,
  folder: string,
  purpose: string,
): Promise<void> {
  const launched = device.launchedKernels();
  const path = pathOf(device, folder, purpose);
  const text = (kernels: readonly KernelRecipe[]) =>
    kernels.map((kernel) => JSON.stringify(kernel)).sort().join();
  if (launched.length === 0 || text(launched) === text(await readKept(path))) return;
  const codes = [...new Set(launched.map(({ code }) => code))];
  const kernels = launched.map((kernel) => ({ ...kernel, code: codes.indexOf(kernel.code) }));
  try {
    await makeFolder(folder);
    await writeFileAtomic(path, JSON.stringify({ codes, kernels } satisfies KeptKernels));
  } catch {
    // Without a writable cache they are compiled when they are first launched.
  }
}

function pathOf({ description }: GpuDevice, folder: string, purpose: string): string {
  const name = new Sha256().update(JSON.stringify([description, purpose])).hex().slice(0, 16);
  return join(folder, `kernels-${name}.json`);
}

async function readKept(path: string): Promise<KernelRecipe[]> {
  try {
    const { codes, kernels }: KeptKernels = JSON.parse(await readTextFile(path));
    return kernels.map(({ code, label, entryPoint, constants, bindings, written }) => {
      const isUsable = typeof codes[code] === "string" &&
        [label, entryPoint].every((text) => typeof text === "string") &&
        [...bindings, ...written].every(Number.isInteger);
      if (!isUsable) throw new Error("not a file of kernels");
      return {
        label,
        code: codes[code],
        entryPoint,
        constants: { ...constants },
        bindings,
        written,
      };
    });
  } catch {
    return [];
  }
}
