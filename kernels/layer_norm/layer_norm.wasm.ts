import { LayerNormArgs, LayerNormBackwardArgs, LayerNormWeightGradientArgs } from "./args.wasm";
import { addRow, loadPart, storePart, sum4 } from "../simd.wasm";

/** y = (x - mean) · rstd · w + b; a task takes `perTask` rows. */
export function layer_norm(args: LayerNormArgs, task: i32, scratch: usize): void {
  const y = args.y;
  const stats = args.stats;
  const x = args.x;
  const weight = args.weight;
  const bias = args.bias;
  const rows = args.rows;
  const width = args.width;
  const perTask = args.perTask;
  const eps = args.eps;
  const rowBytes = <usize>width << 2;
  const full = <usize>(width & ~3) << 2;
  const rest = width & 3;
  const end = min((task + 1) * perTask, rows);
  for (let row = task * perTask; row < end; row++) {
    const from = x + <usize>row * rowBytes;
    const to = y + <usize>row * rowBytes;
    let sums = f32x4.splat(0);
    for (let at: usize = 0; at < full; at += 16) sums = f32x4.add(sums, v128.load(from + at));
    if (rest) sums = f32x4.add(sums, loadPart(from + full, rest));
    const mean = sum4(sums) / <f32>width;
    const center = f32x4.splat(mean);
    // A second pass: E[x²] - E[x]² would cancel.
    let squares = f32x4.splat(0);
    for (let at: usize = 0; at < full; at += 16) {
      const value = f32x4.sub(v128.load(from + at), center);
      squares = f32x4.relaxed_madd(value, value, squares);
    }
    let total = sum4(squares);
    for (let at = full; at < rowBytes; at += 4) {
      const value = load<f32>(from + at) - mean;
      total += value * value;
    }
    const rstd: f32 = 1 / sqrt<f32>(total / <f32>width + eps);
    if (stats) {
      store<f32>(stats + (<usize>row << 3), mean);
      store<f32>(stats + (<usize>row << 3) + 4, rstd);
    }
    const scale = f32x4.splat(rstd);
    for (let at: usize = 0; at < full; at += 16) {
      const normed = f32x4.mul(f32x4.sub(v128.load(from + at), center), scale);
      v128.store(to + at, f32x4.relaxed_madd(normed, v128.load(weight + at), v128.load(bias + at)));
    }
    if (rest) {
      const normed = f32x4.mul(f32x4.sub(loadPart(from + full, rest), center), scale);
      const w = loadPart(weight + full, rest);
      storePart(to + full, f32x4.relaxed_madd(normed, w, loadPart(bias + full, rest)), rest);
    }
  }
}

/** dx = rstd · (g - mean(g) - n · mean(g · n)) (+ dx), g = dy · w, n = (x - mean) · rstd */
export function layer_norm_backward(args: LayerNormBackwardArgs, task: i32, scratch: usize): void {
  const dx = args.dx;
  const dy = args.dy;
  const x = args.x;
  const weight = args.weight;
  const stats = args.stats;
  const rows = args.rows;
  const width = args.width;
  const perTask = args.perTask;
  const accumulate = args.accumulate;
  const rowBytes = <usize>width << 2;
  const full = <usize>(width & ~3) << 2;
  const rest = width & 3;
  const end = min((task + 1) * perTask, rows);
  for (let row = task * perTask; row < end; row++) {
    const offset = <usize>row * rowBytes;
    const center = f32x4.splat(load<f32>(stats + (<usize>row << 3)));
    const rstd = load<f32>(stats + (<usize>row << 3) + 4);
    const scale = f32x4.splat(rstd);
    let sums = f32x4.splat(0);
    let products = f32x4.splat(0);
    for (let at: usize = 0; at < full; at += 16) {
      const g = f32x4.mul(v128.load(dy + offset + at), v128.load(weight + at));
      const n = f32x4.mul(f32x4.sub(v128.load(x + offset + at), center), scale);
      sums = f32x4.add(sums, g);
      products = f32x4.relaxed_madd(g, n, products);
    }
    if (rest) {
      // The lanes past the end have g = 0.
      const g = f32x4.mul(loadPart(dy + offset + full, rest), loadPart(weight + full, rest));
      const n = f32x4.mul(f32x4.sub(loadPart(x + offset + full, rest), center), scale);
      sums = f32x4.add(sums, g);
      products = f32x4.relaxed_madd(g, n, products);
    }
    const meanG = f32x4.splat(sum4(sums) / <f32>width);
    const meanGN = f32x4.splat(sum4(products) / <f32>width);
    for (let at: usize = 0; at < full; at += 16) {
      const g = f32x4.mul(v128.load(dy + offset + at), v128.load(weight + at));
      const n = f32x4.mul(f32x4.sub(v128.load(x + offset + at), center), scale);
      let d = f32x4.mul(f32x4.relaxed_nmadd(n, meanGN, f32x4.sub(g, meanG)), scale);
      if (accumulate) d = f32x4.add(d, v128.load(dx + offset + at));
      v128.store(dx + offset + at, d);
    }
    if (rest) {
      const at = offset + full;
      const g = f32x4.mul(loadPart(dy + at, rest), loadPart(weight + full, rest));
      const n = f32x4.mul(f32x4.sub(loadPart(x + at, rest), center), scale);
      let d = f32x4.mul(f32x4.relaxed_nmadd(n, meanGN, f32x4.sub(g, meanG)), scale);
      if (accumulate) d = f32x4.add(d, loadPart(dx + at, rest));
      storePart(dx + at, d, rest);
    }
  }
}

/** dWeight += Σ dy · n, dBias += Σ dy; a task owns `perTask` columns, summed in scratch. */
export function layer_norm_weight_gradient(args: LayerNormWeightGradientArgs, task: i32, scratch: usize): void {
  const dWeight = args.dWeight;
  const dBias = args.dBias;
  const dy = args.dy;
  const x = args.x;
  const stats = args.stats;
  const rows = args.rows;
  const width = args.width;
  const perTask = args.perTask;
  const column = task * perTask;
  const columns = min(perTask, width - column);
  const full = <usize>(columns & ~3) << 2;
  const rest = columns & 3;
  const products = scratch;
  const sums = scratch + full + 16;
  memory.fill(scratch, 0, 2 * (full + 16));
  for (let row = 0; row < rows; row++) {
    const offset = (<usize>row * width + column) << 2;
    const center = f32x4.splat(load<f32>(stats + (<usize>row << 3)));
    const scale = f32x4.splat(load<f32>(stats + (<usize>row << 3) + 4));
    for (let at: usize = 0; at < full; at += 16) {
      const g = v128.load(dy + offset + at);
      const n = f32x4.mul(f32x4.sub(v128.load(x + offset + at), center), scale);
      v128.store(products + at, f32x4.relaxed_madd(g, n, v128.load(products + at)));
      v128.store(sums + at, f32x4.add(v128.load(sums + at), g));
    }
    if (rest) {
      const g = loadPart(dy + offset + full, rest);
      const n = f32x4.mul(f32x4.sub(loadPart(x + offset + full, rest), center), scale);
      v128.store(products + full, f32x4.relaxed_madd(g, n, v128.load(products + full)));
      v128.store(sums + full, f32x4.add(v128.load(sums + full), g));
    }
  }
  const start = <usize>column << 2;
  if (dWeight) addRow(dWeight + start, products, columns);
  if (dBias) addRow(dBias + start, sums, columns);
}
