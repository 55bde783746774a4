import type { Shader } from "../lib/device/device.ts";
import prelude from "./prelude.wgsl" with { type: "text" };

/** Makes a room's kernels: the entry point, how many of its spans it writes, override constants. */
export type ShaderMaker = (
  entryPoint: string,
  outputs: number,
  constants?: Readonly<Record<string, number>>,
) => Shader;

/**
 * Puts the prelude before a room's WGSL. How kernels are written: see prelude.wgsl.
 *
 * @param shared what several files of a room have in common; comes after the prelude
 */
export function wgsl(name: string, code: string, shared = ""): ShaderMaker {
  const before = prelude + shared;
  const source = { name, code: before + code, preludeLines: before.split("\n").length - 1 };
  return (entryPoint, outputs, constants = {}) => ({ source, entryPoint, outputs, constants });
}

/** Workgroups of 256 threads for one thread an element. */
export function elementGroups(length: number): number {
  return Math.ceil(length / 256);
}
