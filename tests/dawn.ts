import { existsSync } from "node:fs";

/** SwiftShader's driver in Debian's package `chromium`. */
const SWIFTSHADER = "/usr/lib/chromium/vk_swiftshader_icd.json";

/** Tests that take minutes on SwiftShader, of what shorter ones test as well. */
export const SLOW_ON_DAWN =
  /against f64|frequencies follow|a query alone|wherever the prefix ends|a head of 256 columns|in any batch/;

/** Dawn, Chrome's implementation of WebGPU, or why there is none. */
export type Dawn = { readonly gpu: GPU } | { readonly missing: string };

/** Kept for the process, as is what {@linkcode openDawn} opens. */
const kept: GPU[] = [];

/** Kept for the process: Dawn crashes when a device is used after its `GPU` was collected. */
let opened: Promise<Dawn> | null = null;

/**
 * Loads Dawn from npm's `webgpu`, a dependency of the tests alone. It runs on SwiftShader, since it
 * refuses Mesa's llvmpipe; `VK_DRIVER_FILES` names another driver.
 */
export function openDawn(): Promise<Dawn> {
  return opened ??= load();
}

async function load(): Promise<Dawn> {
  if (!Deno.env.has("VK_DRIVER_FILES")) {
    if (!existsSync(SWIFTSHADER)) return { missing: `no ${SWIFTSHADER}: install chromium` };
    Deno.env.set("VK_DRIVER_FILES", SWIFTSHADER);
  }
  if (!Deno.env.has("XDG_RUNTIME_DIR")) Deno.env.set("XDG_RUNTIME_DIR", "/tmp");
  try {
    const { create } = await import("webgpu");
    const gpu = create([]);
    return await gpu.requestAdapter() ? { gpu } : { missing: "Dawn finds no adapter" };
  } catch (error) {
    return { missing: `Dawn does not load: ${(error as Error).message.split("\n")[0]}` };
  }
}

/**
 * Dawn on no GPU at all: it checks WGSL and pipelines, by the same compiler, and runs nothing. SwiftShader
 * takes seconds for each of them.
 */
export async function checkingDawn(): Promise<GPU> {
  const { create } = await import("webgpu");
  kept.push(create(["backend=null"]));
  return kept.at(-1)!;
}
