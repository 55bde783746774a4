import { AdamArgs, BLOCK } from "./args.wasm";

/** One Adam or AdamW update; nothing when the norm is not finite. */
export function adam(args: AdamArgs, task: i32, scratch: usize): void {
  const values = args.values;
  const firstMoment = args.firstMoment;
  const secondMoment = args.secondMoment;
  const gradients = args.gradients;
  const norm = load<f32>(args.norm);
  const length = args.length;
  const stepSize = f32x4.splat(args.stepSize);
  const change1 = f32x4.splat(args.change1);
  const beta2 = f32x4.splat(args.beta2);
  const change2 = f32x4.splat(args.change2);
  const correction2 = f32x4.splat(args.correction2);
  const eps = f32x4.splat(args.eps);
  const gradientDecay = f32x4.splat(args.gradientDecay);
  const keep = f32x4.splat(args.keep);
  const maxNorm = args.maxNorm;
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
