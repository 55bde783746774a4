import type { Binding, GpuDevice, Shader, Span } from "../lib/device/device.ts";
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

/**
 * WGSL with `_N` at the end of names, as often as there are bindings of one kind: with _0, _1 and so
 * on. A binding cannot be chosen by a number.
 */
export function numbered(code: string, count: number): string {
  return Array.from({ length: count }, (_, i) => code.replaceAll(/_N\b/g, `_${i}`)).join("\n");
}

/** Workgroups of 256 threads for one thread an element. */
export function elementGroups(length: number): number {
  return Math.ceil(length / 256);
}

/** Elements that pieces are a multiple of: the most that a workgroup takes at once (grad_norm). */
const PIECE = 16384;

/**
 * Cuts f32 elements into pieces that the GPU can bind; mostly there is one. All but the last are of
 * a multiple of 16384 elements.
 */
export function* bindablePieces(
  device: GpuDevice,
  length: number,
): Generator<{ first: number; count: number }> {
  // Binding starts at an aligned offset, at most 256 bytes before the piece.
  const most = Math.max(1, Math.floor((device.maxBindingBytes - 256) / 4 / PIECE)) * PIECE;
  for (let first = 0; first < length; first += most) {
    yield { first, count: Math.min(most, length - first) };
  }
}

/** The part of a span of f32 elements that a dispatch works on. */
export function part(span: Span, first: number, count: number): Binding {
  const { buffer, byteOffset } = span;
  return { buffer, byteOffset: byteOffset + first * 4, byteLength: count * 4 };
}
