import type { Device, Span } from "../../lib/device/device.ts";
import { bindablePieces, part, wgsl } from "../wgsl.ts";
import partialCode from "./grad_norm_partial.wgsl" with { type: "text" };
import totalCode from "./grad_norm_total.wgsl" with { type: "text" };
import { BLOCK, GRAD_NORM_PARTIAL, GRAD_NORM_TOTAL } from "./signatures.ts";

const partialShader = wgsl(GRAD_NORM_PARTIAL, "grad_norm/grad_norm_partial.wgsl", partialCode)();
const totalShader = wgsl(GRAD_NORM_TOTAL, "grad_norm/grad_norm_total.wgsl", totalCode)();

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
  const total = { norm, partials: workspace, blocks };
  if (device.kind === "webgpu") {
    for (const { first, count } of bindablePieces(device, length)) {
      const { buffer, byteOffset } = workspace;
      const partials = { buffer, byteOffset: byteOffset + first / BLOCK * 4 };
      const piece = { partials, gradients: part(gradients, first, count), length: count };
      device.dispatch(partialShader, Math.ceil(count / BLOCK), piece);
    }
    return device.dispatch(totalShader, 1, total);
  }
  device.run(GRAD_NORM_PARTIAL, blocks, { partials: workspace, gradients, length });
  device.run(GRAD_NORM_TOTAL, 1, total);
}
