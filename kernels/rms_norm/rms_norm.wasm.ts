import { RmsNormArgs, RmsNormBackwardArgs, RmsNormWeightGradientArgs } from "./args.wasm";
import { addRow, loadPart, storePart, sum4 } from "../simd.wasm";

/** y = x · rstd · w (+ residual), rstd = 1 / √(mean(x²) + eps); a task takes `perTask` rows. */
export function rms_norm(args: RmsNormArgs, task: i32, scratch: usize): void {
  const y = args.y;
  const rstds = args.rstd;
  const x = args.x;
  const weight = args.weight;
  const residual = args.residual;
  const rows = args.rows;
  const width = args.width;
  const perTask = args.perTask;
  const eps = args.eps;
  const offset = f32x4.splat(args.weightOffset);
  const rowBytes = <usize>width << 2;
  const full = <usize>(width & ~3) << 2;
  const rest = width & 3;
  const end = min((task + 1) * perTask, rows);
  for (let row = task * perTask; row < end; row++) {
    const from = x + <usize>row * rowBytes;
    const to = y + <usize>row * rowBytes;
    let squares = f32x4.splat(0);
    for (let at: usize = 0; at < full; at += 16) {
      const value = v128.load(from + at);
      squares = f32x4.relaxed_madd(value, value, squares);
    }
    if (rest) {
      const value = loadPart(from + full, rest);
      squares = f32x4.relaxed_madd(value, value, squares);
    }
    const rstd: f32 = 1 / sqrt<f32>(sum4(squares) / <f32>width + eps);
    if (rstds) store<f32>(rstds + (<usize>row << 2), rstd);
    const scale = f32x4.splat(rstd);
    const added = residual + <usize>row * rowBytes;
    for (let at: usize = 0; at < full; at += 16) {
      const normed = f32x4.mul(v128.load(from + at), scale);
      const w = f32x4.add(v128.load(weight + at), offset);
      const value = residual ? f32x4.relaxed_madd(normed, w, v128.load(added + at)) : f32x4.mul(normed, w);
      v128.store(to + at, value);
    }
    if (rest) {
      const normed = f32x4.mul(loadPart(from + full, rest), scale);
      const w = f32x4.add(loadPart(weight + full, rest), offset);
      const value = residual
        ? f32x4.relaxed_madd(normed, w, loadPart(added + full, rest))
        : f32x4.mul(normed, w);
      storePart(to + full, value, rest);
    }
  }
}

/** dx = rstd · (dy·w - x · rstd² · mean(dy·w·x)) (+ dx); a task takes `perTask` rows. */
export function rms_norm_backward(args: RmsNormBackwardArgs, task: i32, scratch: usize): void {
  const dx = args.dx;
  const dy = args.dy;
  const x = args.x;
  const weight = args.weight;
  const rstds = args.rstd;
  const rows = args.rows;
  const width = args.width;
  const perTask = args.perTask;
  const accumulate = args.accumulate;
  const added = f32x4.splat(args.weightOffset);
  const rowBytes = <usize>width << 2;
  const full = <usize>(width & ~3) << 2;
  const rest = width & 3;
  const end = min((task + 1) * perTask, rows);
  for (let row = task * perTask; row < end; row++) {
    const offset = <usize>row * rowBytes;
    const rstd = load<f32>(rstds + (<usize>row << 2));
    let sums = f32x4.splat(0);
    for (let at: usize = 0; at < full; at += 16) {
      const g = f32x4.mul(v128.load(dy + offset + at), f32x4.add(v128.load(weight + at), added));
      sums = f32x4.relaxed_madd(g, v128.load(x + offset + at), sums);
    }
    if (rest) {
      const at = offset + full;
      const g = f32x4.mul(loadPart(dy + at, rest), f32x4.add(loadPart(weight + full, rest), added));
      sums = f32x4.relaxed_madd(g, loadPart(x + at, rest), sums);
    }
    const scale = f32x4.splat(rstd);
    const pull = f32x4.splat(sum4(sums) / <f32>width * rstd * rstd * rstd);
    for (let at: usize = 0; at < full; at += 16) {
      const g = f32x4.mul(v128.load(dy + offset + at), f32x4.add(v128.load(weight + at), added));
      let d = f32x4.relaxed_nmadd(v128.load(x + offset + at), pull, f32x4.mul(g, scale));
      if (accumulate) d = f32x4.add(d, v128.load(dx + offset + at));
      v128.store(dx + offset + at, d);
    }
    if (rest) {
      const at = offset + full;
      const g = f32x4.mul(loadPart(dy + at, rest), f32x4.add(loadPart(weight + full, rest), added));
      let d = f32x4.relaxed_nmadd(loadPart(x + at, rest), pull, f32x4.mul(g, scale));
      if (accumulate) d = f32x4.add(d, loadPart(dx + at, rest));
      storePart(dx + at, d, rest);
    }
  }
}

/** dWeight += Σ dy · x · rstd; a task owns `perTask` columns, summed in scratch. */
export function rms_norm_weight_gradient(args: RmsNormWeightGradientArgs, task: i32, scratch: usize): void {
  const dWeight = args.dWeight;
  const dy = args.dy;
  const x = args.x;
  const rstds = args.rstd;
  const rows = args.rows;
  const width = args.width;
  const perTask = args.perTask;
  const column = task * perTask;
  const columns = min(perTask, width - column);
  const full = <usize>(columns & ~3) << 2;
  const rest = columns & 3;
  memory.fill(scratch, 0, full + 16);
  for (let row = 0; row < rows; row++) {
    const offset = (<usize>row * width + column) << 2;
    const rstd = f32x4.splat(load<f32>(rstds + (<usize>row << 2)));
    for (let at: usize = 0; at < full; at += 16) {
      const normed = f32x4.mul(v128.load(x + offset + at), rstd);
      const sum = f32x4.relaxed_madd(v128.load(dy + offset + at), normed, v128.load(scratch + at));
      v128.store(scratch + at, sum);
    }
    if (rest) {
      const at = offset + full;
      const normed = f32x4.mul(loadPart(x + at, rest), rstd);
      const sum = f32x4.relaxed_madd(loadPart(dy + at, rest), normed, v128.load(scratch + full));
      v128.store(scratch + full, sum);
    }
  }
  addRow(dWeight + (<usize>column << 2), scratch, columns);
}
