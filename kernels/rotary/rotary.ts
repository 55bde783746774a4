import type { Device, GpuDevice, Span } from "../../lib/device/device.ts";
import type { RmsNormConstants } from "../rms_norm/rms_norm.ts";
import { rowsPerTask } from "../split.ts";
import { elementGroups, numbered, wgsl } from "../wgsl.ts";
import code from "./rotary.wgsl" with { type: "text" };
import backwardCode from "./rotary_backward.wgsl" with { type: "text" };
import headCode from "./rotary_head.wgsl" with { type: "text" };
import { GROUP_HEADS, ROTARY, ROTARY_BACKWARD } from "./signatures.ts";

const forwardShader = wgsl(ROTARY, "rotary/rotary.wgsl", code + numbered(headCode, 2))();
const backwardShader = wgsl(ROTARY_BACKWARD, "rotary/rotary_backward.wgsl", backwardCode)();

/** Angles of the rows of a rotation. */
export interface RotaryAngles {
  /** f32 [positions, headSize]: headSize / 2 cosines, then as many sines. */
  readonly table: Span;
  /** i32 [rows], rows of the table. */
  readonly positions: Span;
  /** Even. */
  readonly headSize: number;
}

/** Heads to rotate. */
export interface RotaryHeads {
  /** f32 [rows, heads · headSize] */
  readonly x: Span;
  readonly heads: number;
  /** As `x`, not in place; with `placed` [·, heads · headSize]. */
  readonly y: Span;
  /** Writes row i to row `places[i]` of `y`. */
  readonly placed?: boolean;
  /** Weight of a norm of each head before the rotation, f32 [headSize]; null for none. */
  readonly weight?: Span | null;
  /** f32 [rows, heads], what the norm's backward needs; null when there will be none. */
  readonly rstd?: Span | null;
}

/**
 * Rotary positions (Su et al. 2021) in the half-split form of transformers: with x₁ and x₂ the halves
 * of a head, y₁ = x₁ cos - x₂ sin and y₂ = x₂ cos + x₁ sin. Before it, optionally, the root mean
 * square norm of each head. On a GPU, inputs that do not lie in one block, or whose weights or `rstd`
 * do not, have a launch each.
 *
 * @param inputs one or two, as queries and keys
 * @param norm constants of the norms
 * @param places i32 [rows], distinct: where the rows of placed results go
 */
export function rotary(
  device: Device,
  inputs: readonly RotaryHeads[],
  rows: number,
  angles: RotaryAngles,
  constants: RmsNormConstants = { eps: 0, weightOffset: 0 },
  places: Span | null = null,
): void {
  if (device.kind === "webgpu" && !bindsTogether(device, inputs)) {
    for (const each of inputs) rotary(device, [each], rows, angles, constants, places);
    return;
  }
  const { table, positions, headSize } = angles;
  const { eps, weightOffset } = constants;
  const [first, second = null] = inputs;
  const heads = first.heads + (second?.heads ?? 0);
  const perTask = rowsPerTask(heads * headSize);
  const args = {
    y_0: first.y,
    y_1: second?.y ?? null,
    rstd_0: first.rstd ?? null,
    rstd_1: second?.rstd ?? null,
    x_0: first.x,
    x_1: second?.x ?? null,
    weight_0: first.weight ?? null,
    weight_1: second?.weight ?? null,
    table,
    positions,
    places,
    rows,
    headSize,
    heads_0: first.heads,
    heads_1: second?.heads ?? 0,
    placed_0: first.placed ?? false,
    placed_1: second?.placed ?? false,
    perTask,
    eps,
    weightOffset,
  };
  if (device.kind === "webgpu") {
    device.dispatch(forwardShader, Math.ceil(rows * heads / GROUP_HEADS), args);
  } else device.run(ROTARY, Math.ceil(rows / perTask), args);
}

function bindsTogether(device: GpuDevice, inputs: readonly RotaryHeads[]): boolean {
  return device.bindsTogether(inputs.map(({ x }) => x)) &&
    device.bindsTogether(inputs.map(({ weight = null }) => weight)) &&
    device.bindsTogether(inputs.map(({ rstd = null }) => rstd));
}

/**
 * The gradient of what was rotated: dx₁ = dy₁ cos + dy₂ sin, dx₂ = dy₂ cos - dy₁ sin.
 *
 * @param dx f32 [rows, heads · headSize]; overwritten, or added to with `accumulate`
 * @param dy f32 [rows, heads · headSize]
 */
export function rotaryBackward(
  device: Device,
  dx: Span,
  dy: Span,
  rows: number,
  heads: number,
  { table, positions, headSize }: RotaryAngles,
  accumulate: boolean,
): void {
  const perTask = rowsPerTask(heads * headSize);
  const args = { dx, dy, table, positions, rows, heads, headSize, accumulate, perTask };
  if (device.kind === "webgpu") {
    device.dispatch(backwardShader, elementGroups(rows * heads * headSize / 2), args);
  } else device.run(ROTARY_BACKWARD, Math.ceil(rows / perTask), args);
}
