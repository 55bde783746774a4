import { ActivationArgs, ActivationBackwardArgs, BLOCK, GELU, GELU_NEW, RELU, SILU } from "./args.wasm";
import { erf4, exp4, exp8, tanh4 } from "../math.wasm";
import { loadPart, storePart } from "../simd.wasm";

/** y = f(x) (· gate) */
export function activation(args: ActivationArgs, task: i32, scratch: usize): void {
  const y = args.y;
  const x = args.x;
  const gate = args.gate;
  const length = args.length;
  const kind = args.kind;
  const begin = task * BLOCK;
  const count = min(BLOCK, length - begin);
  const hasSigmoid = kind == SILU || kind == GELU_NEW;
  if (hasSigmoid) exponentials(scratch, x + (<usize>begin << 2), count, kind, Infinity);
  const one = f32x4.splat(1);
  for (let i = 0; i < count; i += 4) {
    const at = <usize>(begin + i) << 2;
    const part = count - i;
    const input = part < 4 ? loadPart(x + at, part) : v128.load(x + at);
    let value: v128;
    if (hasSigmoid) {
      const e = v128.load(scratch + (<usize>i << 2));
      value = f32x4.mul(input, f32x4.div(one, f32x4.add(one, e)));
    } else if (kind == RELU) value = f32x4.max(input, f32x4.splat(0));
    else if (kind == GELU) value = f32x4.mul(input, normalCdf(input));
    else value = tanh4(input);
    if (gate) {
      value = f32x4.mul(value, part < 4 ? loadPart(gate + at, part) : v128.load(gate + at));
    }
    if (part < 4) storePart(y + at, value, part);
    else v128.store(y + at, value);
  }
}

/** dx (+)= dy · f'(x) (· gate), dGate (+)= dy · f(x) */
export function activation_backward(args: ActivationBackwardArgs, task: i32, scratch: usize): void {
  const dx = args.dx;
  const dGate = args.dGate;
  const dy = args.dy;
  const x = args.x;
  const gate = args.gate;
  const length = args.length;
  const kind = args.kind;
  const accumulateX = args.accumulateX;
  const accumulateGate = args.accumulateGate;
  const begin = task * BLOCK;
  const count = min(BLOCK, length - begin);
  const one = f32x4.splat(1);
  // Beyond, the slope is 1 or 0; inside, e is finite and 1 - s = e s does not cancel.
  const limit: f32 = kind == SILU ? 80 : 10;
  const hasSigmoid = kind == SILU || kind == GELU_NEW;
  if (hasSigmoid) exponentials(scratch, x + (<usize>begin << 2), count, kind, limit);
  for (let i = 0; i < count; i += 4) {
    const at = <usize>(begin + i) << 2;
    const part = count - i;
    const input = part < 4 ? loadPart(x + at, part) : v128.load(x + at);
    const g = part < 4 ? loadPart(dy + at, part) : v128.load(dy + at);
    // The value and the slope share what is slow to compute.
    let value: v128;
    let slope: v128;
    if (kind == RELU) {
      value = f32x4.max(input, f32x4.splat(0));
      slope = v128.and(one, f32x4.gt(input, f32x4.splat(0)));
    } else if (kind == GELU) {
      const cdf = normalCdf(input);
      const bell = exp4(f32x4.mul(f32x4.mul(input, input), f32x4.splat(-0.5)));
      value = f32x4.mul(input, cdf);
      slope = f32x4.relaxed_madd(input, f32x4.mul(bell, f32x4.splat(0.3989422804)), cdf);
    } else if (hasSigmoid) {
      const near = clamp(input, limit);
      const e = v128.load(scratch + (<usize>i << 2));
      const s = f32x4.div(one, f32x4.add(one, e));
      value = f32x4.mul(input, s);
      let factor = near;
      if (kind == GELU_NEW) {
        const square = f32x4.mul(near, near);
        const inner = f32x4.relaxed_madd(square, f32x4.splat(0.2140644488), f32x4.splat(1.5957691216));
        factor = f32x4.mul(near, inner);
      }
      slope = f32x4.relaxed_madd(factor, f32x4.mul(s, f32x4.mul(e, s)), s);
    } else {
      value = tanh4(input);
      // 1 - tanh² = 4 e^-2|x| / (1 + e^-2|x|)², which does not cancel.
      const e = exp4(f32x4.mul(f32x4.abs(input), f32x4.splat(-2)));
      const sum = f32x4.add(one, e);
      slope = f32x4.div(f32x4.mul(e, f32x4.splat(4)), f32x4.mul(sum, sum));
    }
    if (dGate) put(dGate + at, f32x4.mul(g, value), part, accumulateGate);
    if (dx) {
      let d = f32x4.mul(g, slope);
      if (gate) d = f32x4.mul(d, part < 4 ? loadPart(gate + at, part) : v128.load(gate + at));
      put(dx + at, d, part, accumulateX);
    }
  }
}

/** Stores up to four values, or adds them to what is there. */
// @ts-ignore: decorator
@inline
function put(p: usize, value: v128, part: i32, accumulate: i32): void {
  if (part < 4) {
    storePart(p, accumulate ? f32x4.add(value, loadPart(p, part)) : value, part);
  } else {
    v128.store(p, accumulate ? f32x4.add(value, v128.load(p)) : value);
  }
}

/**
 * Stores e^-u of each x, u the argument of the sigmoid in silu and gelu_new: of whole vectors, where the
 * last elements are fewer. x beyond ±limit counts as ±limit.
 */
function exponentials(out: usize, x: usize, count: i32, kind: i32, limit: f32): void {
  let i = 0;
  for (; i + 8 <= count; i += 8) {
    const at = <usize>i << 2;
    let u0 = clamp(v128.load(x + at), limit), u1 = clamp(v128.load(x + at, 16), limit);
    if (kind == GELU_NEW) u0 = geluArgument(u0), u1 = geluArgument(u1);
    exp8(out + at, f32x4.neg(u0), f32x4.neg(u1));
  }
  for (; i < count; i += 4) {
    const at = <usize>i << 2;
    const part = count - i;
    let u = clamp(part < 4 ? loadPart(x + at, part) : v128.load(x + at), limit);
    if (kind == GELU_NEW) u = geluArgument(u);
    v128.store(out + at, exp4(f32x4.neg(u)));
  }
}

/** x within ±limit; NaN stays. */
// @ts-ignore: decorator
@inline
function clamp(x: v128, limit: f32): v128 {
  return f32x4.pmin(f32x4.pmax(x, f32x4.splat(-limit)), f32x4.splat(limit));
}

/** Φ(x) of the normal distribution. */
// @ts-ignore: decorator
@inline
function normalCdf(x: v128): v128 {
  const half = f32x4.splat(0.5);
  return f32x4.relaxed_madd(erf4(f32x4.mul(x, f32x4.splat(0.7071067812))), half, half);
}

/** 2 √(2/π) (x + 0.044715 x³): gelu_new is x times its sigmoid, since (1 + tanh u) / 2 = σ(2u). */
// @ts-ignore: decorator
@inline
function geluArgument(x: v128): v128 {
  const square = f32x4.mul(x, x);
  const slope = f32x4.relaxed_madd(square, f32x4.splat(0.07135481627), f32x4.splat(1.5957691216));
  return f32x4.mul(x, slope);
}
