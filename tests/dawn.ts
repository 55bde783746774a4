import { existsSync } from "node:fs";
import { findDawnAdapter, startDawn } from "../lib/device/webgpu/dawn.ts";

/** SwiftShader's driver in Debian's package `chromium`. */
export const SWIFTSHADER = "/usr/lib/chromium/vk_swiftshader_icd.json";

/** Tests that take minutes on SwiftShader, of what shorter ones test as well, or that open Deno's adapter. */
export const SLOW_ON_DAWN =
  /against f64|frequencies follow|a query alone|wherever the prefix ends|a head of 256 columns|in any batch|subgroups of|a GPU's timestamps|golden ppo_(?!seed_notebook)/;

/** Finds Dawn's adapter, or returns why there is none. */
export async function findDawn(): Promise<GPUAdapter | { readonly missing: string }> {
  // Dawn refuses Mesa's llvmpipe.
  if (!Deno.env.has("VK_DRIVER_FILES")) {
    if (!existsSync(SWIFTSHADER)) return { missing: `no ${SWIFTSHADER}: install chromium` };
    Deno.env.set("VK_DRIVER_FILES", SWIFTSHADER);
  }
  try {
    return await findDawnAdapter();
  } catch (error) {
    return { missing: (error as Error).message };
  }
}

/**
 * Dawn on no GPU at all: it checks WGSL and pipelines, by the same compiler, and runs nothing. SwiftShader
 * takes seconds for each of them.
 */
export async function checkingDawn(): Promise<GPU> {
  return await startDawn("backend=null");
}
