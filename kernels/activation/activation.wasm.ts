import { ActivationArgs, ActivationBackwardArgs, BLOCK, GELU, GELU_NEW, RELU, SILU } from "./args.wasm";
import { erf4, exp4, sigmoid4, tanh4 } from "../math.wasm";
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
  for (let i = 0; i < count; i += 4) {
    const at = <usize>(begin + i) << 2;
    const part = count - i;
    let value = apply(kind, part < 4 ? loadPart(x + at, part) : v128.load(x + at));
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
    } else if (kind == GELU_NEW) {
      // Beyond ±10 the slope is 1 or 0; inside, e is finite and 1 - s = e s does not cancel.
      const near = f32x4.min(f32x4.max(input, f32x4.splat(-10)), f32x4.splat(10));
      const e = exp4(f32x4.neg(geluArgument(near)));
      const s = f32x4.div(one, f32x4.add(one, e));
      value = f32x4.mul(input, s);
      const square = f32x4.mul(near, near);
      const inner = f32x4.relaxed_madd(square, f32x4.splat(0.2140644488), f32x4.splat(1.5957691216));
      slope = f32x4.relaxed_madd(f32x4.mul(near, inner), f32x4.mul(s, f32x4.mul(e, s)), s);
    } else if (kind == SILU) {
      // Beyond ±80 the slope is 1 or 0; inside, e is finite and 1 - s = e s does not cancel.
      const near = f32x4.min(f32x4.max(input, f32x4.splat(-80)), f32x4.splat(80));
      const e = exp4(f32x4.neg(near));
      const s = f32x4.div(one, f32x4.add(one, e));
      value = f32x4.mul(input, s);
      slope = f32x4.relaxed_madd(f32x4.mul(near, s), f32x4.mul(e, s), s);
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

/** f(x) */
// @ts-ignore: decorator
@inline
function apply(kind: i32, x: v128): v128 {
  if (kind == RELU) return f32x4.max(x, f32x4.splat(0));
  if (kind == GELU) return f32x4.mul(x, normalCdf(x));
  if (kind == GELU_NEW) return f32x4.mul(x, sigmoid4(geluArgument(x)));
  if (kind == SILU) return f32x4.mul(x, sigmoid4(x));
  return tanh4(x);
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
