import type { Device, Span } from "../../lib/device/device.ts";
import { bindablePieces, part, wgsl } from "../wgsl.ts";
import code from "./grad_norm.wgsl" with { type: "text" };

const shader = wgsl("grad_norm", code);
const PARTIAL = shader("grad_norm_partial", 1);
const TOTAL = shader("grad_norm_total", 1);

/** Elements per partial sum; mirrored in grad_norm.wasm.ts and grad_norm.wgsl. */
const BLOCK = 16384;

/** Bytes of workspace that {@linkcode gradNorm} needs: an f64 for each block. */
export function gradNormWorkspace(length: number): number {
  return Math.ceil(length / BLOCK) * 8;
}

/**
 * The Euclidean norm of a packed gradient: squares are summed (in f64 on the CPU), block by block and then over
 * the blocks, in an order that depends on nothing but `length`.
 *
 * @param norm f32 [1]; not finite when an element is not
 * @param workspace of {@linkcode gradNormWorkspace} bytes
 * @param gradients f32 [length]; `length` is a multiple of 4
 */
export function gradNorm(
  device: Device,
  norm: Span,
  workspace: Span,
  gradients: Span,
  length: number,
): void {
  const blocks = Math.ceil(length / BLOCK);
  if (device.kind === "webgpu") {
    for (const { first, count } of bindablePieces(device, length)) {
      const { buffer, byteOffset } = workspace;
      const partials = { buffer, byteOffset: byteOffset + first / BLOCK * 4 };
      const spans = [partials, part(gradients, first, count)];
      device.dispatch(PARTIAL, Math.ceil(count / BLOCK), spans, [count]);
    }
    return device.dispatch(TOTAL, 1, [norm, workspace], [blocks]);
  }
  device.run("grad_norm_partial", blocks, [workspace, gradients], [length]);
  device.run("grad_norm_total", 1, [norm, workspace], [blocks]);
}
