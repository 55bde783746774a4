import { float, int, span } from "../abi.wasm";

/** Elements per task; mirrored in adam.ts. */
const BLOCK: i32 = 8192;

/** One Adam or AdamW update; nothing when the norm is not finite. */
export function adam(args: usize, task: i32, scratch: usize): void {
  const values = span(args, 0);
  const firstMoment = span(args, 1);
  const secondMoment = span(args, 2);
  const gradients = span(args, 3);
  const norm = load<f32>(span(args, 4));
  const length = int(args, 5);
  const stepSize = f32x4.splat(float(args, 6));
  const change1 = f32x4.splat(float(args, 7));
  const beta2 = f32x4.splat(float(args, 8));
  const change2 = f32x4.splat(float(args, 9));
  const correction2 = f32x4.splat(float(args, 10));
  const eps = f32x4.splat(float(args, 11));
  const gradientDecay = f32x4.splat(float(args, 12));
  const keep = f32x4.splat(float(args, 13));
  const maxNorm = float(args, 14);
  if (!isFinite(norm)) return;
  const clip = f32x4.splat(maxNorm > 0 ? min<f32>(1, maxNorm / (norm + 1e-6)) : 1);
  const begin = <usize> task * BLOCK << 2;
  const end = <usize> min((task + 1) * BLOCK, length) << 2;
  for (let at = begin; at < end; at += 16) {
    const value = v128.load(values + at);
    const clipped = f32x4.mul(v128.load(gradients + at), clip);
    const g = f32x4.relaxed_madd(value, gradientDecay, clipped);
    let m = v128.load(firstMoment + at);
    m = f32x4.relaxed_madd(f32x4.sub(g, m), change1, m);
    let v = f32x4.mul(v128.load(secondMoment + at), beta2);
    v = f32x4.relaxed_madd(f32x4.mul(g, g), change2, v);
    const divisor = f32x4.add(f32x4.div(f32x4.sqrt(v), correction2), eps);
    const update = f32x4.mul(stepSize, f32x4.div(m, divisor));
    v128.store(firstMoment + at, m);
    v128.store(secondMoment + at, v);
    v128.store(values + at, f32x4.sub(f32x4.mul(value, keep), update));
  }
}
