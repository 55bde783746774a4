import type { Binding, GpuDevice, Shader, Signature, Span } from "../lib/device/device.ts";
import { type ElementTypes, shaderSource } from "../lib/device/webgpu/shader_source.ts";
import prelude from "./prelude.wgsl" with { type: "text" };

/** Makes the kernels of a module: by entry point (default: the signature's name) and override constants. */
export type ShaderMaker<A> = (
  constants?: Readonly<Record<string, number>>,
  entryPoint?: string,
) => Shader<A>;

/**
 * Puts the prelude and a signature's declarations before WGSL. How kernels are written: see
 * prelude.wgsl.
 *
 * @param file `<room>/<file>.wgsl`, for messages and profiles
 * @param options `shared`: WGSL that several modules have in common; `elements`: types of elements
 *   that this module reads otherwise than the signature says
 */
export function wgsl<A extends object>(
  signature: Signature<A>,
  file: string,
  code: string,
  { shared = "", elements = {} }: { shared?: string; elements?: ElementTypes } = {},
): ShaderMaker<A> {
  const source = shaderSource(signature, file, code, { shared: prelude + shared, elements });
  return (constants = {}, entryPoint = signature.name) => (
    { signature, source, entryPoint, constants }
  );
}

/**
 * WGSL with `_N` at the end of names, as often as there are bindings of one kind: with _0, _1 and so
 * on. A binding cannot be chosen by a number.
 */
export function numbered(code: string, count: number): string {
  return Array.from({ length: count }, (_, i) => code.replaceAll(/_N\b/g, `_${i}`)).join("\n");
}

/**
 * Repeats each line of WGSL that has a letter, as a number or as a part of names, for the numbers below
 * `count`: with `N`, `sum_N` becomes sum_0, `N` 0u. An array with its loops would do the same, but may end
 * up in memory instead of registers.
 */
export function numberedLines(code: string, count: number, letter: string): string {
  const number = new RegExp(`\\b${letter}\\b`, "g");
  const part = new RegExp(`_${letter}(?=_|\\b)`, "g");
  const isComment = (line: string) => /^\s*(\/|\*)/.test(line);
  const withNumber = (line: string, i: number) =>
    line.replaceAll(number, `${i}u`).replaceAll(part, `_${i}`);
  return code.split("\n").flatMap((line) =>
    isComment(line) || withNumber(line, 0) === line
      ? [line]
      : Array.from({ length: count }, (_, i) => withNumber(line, i))
  ).join("\n");
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
