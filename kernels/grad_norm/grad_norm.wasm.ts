import { BLOCK, GradNormPartialArgs, GradNormTotalArgs } from "./args.wasm";

/** partials[task] = Σ gradients² of a block, in f64 */
export function grad_norm_partial(args: GradNormPartialArgs, task: i32, scratch: usize): void {
  const partials = args.partials;
  const gradients = args.gradients;
  const length = args.length;
  const begin = task * BLOCK;
  const from = gradients + (<usize> begin << 2);
  const bytes = <usize> min(BLOCK, length - begin) << 2;
  let low = f64x2.splat(0);
  let high = f64x2.splat(0);
  for (let at: usize = 0; at < bytes; at += 16) {
    const value = v128.load(from + at);
    const a = f64x2.promote_low_f32x4(value);
    const b = f64x2.promote_low_f32x4(i64x2.shuffle(value, value, 1, 1));
    low = f64x2.add(low, f64x2.mul(a, a));
    high = f64x2.add(high, f64x2.mul(b, b));
  }
  const sum = f64x2.add(low, high);
  const total = f64x2.extract_lane(sum, 0) + f64x2.extract_lane(sum, 1);
  store<f64>(partials + (<usize> task << 3), total);
}

/** norm = √Σ partials, in order */
export function grad_norm_total(args: GradNormTotalArgs, task: i32, scratch: usize): void {
  const norm = args.norm;
  const partials = args.partials;
  const blocks = args.blocks;
  let total: f64 = 0;
  for (let i = 0; i < blocks; i++) total += load<f64>(partials + (<usize> i << 3));
  store<f32>(norm, <f32> sqrt<f64>(total));
}
