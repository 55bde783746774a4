import { LogSoftmaxBackwardArgs, LogSoftmaxChunkArgs, LogSoftmaxFinishArgs } from "./args.wasm";
import { exp4, log4 } from "../math.wasm";
import { loadPart, storePart, sum4 } from "../simd.wasm";

/** Columns summed in f32 before they join the f64 sum. */
const BLOCK: i32 = 256;

/** Folds a chunk of logits into each row's running maximum, Σ e^(x-max), Σ e^(x-max) (x-max), x[target]. */
export function log_softmax_chunk(args: LogSoftmaxChunkArgs, task: i32, scratch: usize): void {
  const logits = args.logits;
  const targets = args.targets;
  const state = args.rowState;
  const columns = args.columns;
  const stride = <usize>args.stride << 2;
  const columnStart = args.columnStart;
  const first = args.first;
  const perTask = args.perTask;
  const end = min((task + 1) * perTask, args.rows);
  for (let row = task * perTask; row < end; row++) {
    const x = logits + <usize>row * stride;
    const at = state + (<usize>row << 4);
    const chunkHighest = largest(x, columns);
    let highest = chunkHighest;
    let sum: f64 = 0;
    let moment: f64 = 0;
    if (!first) {
      // Sums around another maximum m are multiplied by e^(m - highest).
      const before = load<f32>(at);
      highest = max(before, chunkHighest);
      const shift = before - highest;
      const factor: f64 = f32x4.extract_lane(exp4(f32x4.splat(shift)), 0);
      sum = <f64>load<f32>(at, 4);
      moment = (<f64>load<f32>(at, 8) + sum * shift) * factor;
      sum *= factor;
    }
    const highest4 = f32x4.splat(highest);
    for (let begin = 0; begin < columns; begin += BLOCK) {
      let sums = f32x4.splat(0);
      let moments = f32x4.splat(0);
      const stop = min(begin + BLOCK, columns);
      let j = begin;
      for (; j + 4 <= stop; j += 4) {
        const z = f32x4.sub(v128.load(x + (<usize>j << 2)), highest4);
        const e = exp4(z);
        sums = f32x4.add(sums, e);
        moments = f32x4.relaxed_madd(e, z, moments);
      }
      for (; j < stop; j++) {
        const z = load<f32>(x + (<usize>j << 2)) - highest;
        const e = f32x4.extract_lane(exp4(f32x4.splat(z)), 0);
        sum += e;
        moment += e * z;
      }
      sum += sum4(sums);
      moment += sum4(moments);
    }
    store<f32>(at, highest);
    store<f32>(at, <f32>sum, 4);
    store<f32>(at, <f32>moment, 8);
    const target = load<i32>(targets + (<usize>row << 2)) - columnStart;
    if (target >= 0 && target < columns) store<f32>(at, load<f32>(x + (<usize>target << 2)), 12);
  }
}

/** logprob = x[target] - lse; entropy = lse - Σ p x; lse = max + log Σ e^(x-max). */
export function log_softmax_finish(args: LogSoftmaxFinishArgs, task: i32, scratch: usize): void {
  const state = args.rowState;
  const logprobs = args.logprobs;
  const entropy = args.entropy;
  const lse = args.lse;
  const rows = <usize>args.rows << 2;
  for (let row: usize = 0; row < rows; row += 4) {
    const at = state + (row << 2);
    const highest = load<f32>(at);
    const sum = load<f32>(at, 4);
    const log = f32x4.extract_lane(log4(f32x4.splat(sum)), 0);
    store<f32>(logprobs + row, load<f32>(at, 12) - highest - log);
    store<f32>(entropy + row, log - load<f32>(at, 8) / sum);
    store<f32>(lse + row, highest + log);
  }
}

/** x becomes dlogprob · ((column is target) - e^(x - lse)). */
export function log_softmax_backward(args: LogSoftmaxBackwardArgs, task: i32, scratch: usize): void {
  const logits = args.logits;
  const targets = args.targets;
  const lse = args.lse;
  const dLogprobs = args.dLogprobs;
  const columns = args.columns;
  const stride = <usize>args.stride << 2;
  const columnStart = args.columnStart;
  const perTask = args.perTask;
  const end = min((task + 1) * perTask, args.rows);
  const whole = <usize>(columns & ~3) << 2;
  const rest = columns & 3;
  for (let row = task * perTask; row < end; row++) {
    const x = logits + <usize>row * stride;
    const gradient = load<f32>(dLogprobs + (<usize>row << 2));
    if (gradient == 0) {
      memory.fill(x, 0, <usize>columns << 2);
      continue;
    }
    const factor = f32x4.splat(-gradient);
    const shift = v128.load32_splat(lse + (<usize>row << 2));
    for (let j: usize = 0; j < whole; j += 16) {
      const p = exp4(f32x4.sub(v128.load(x + j), shift));
      v128.store(x + j, f32x4.mul(p, factor));
    }
    if (rest) {
      const p = exp4(f32x4.sub(loadPart(x + whole, rest), shift));
      storePart(x + whole, f32x4.mul(p, factor), rest);
    }
    const target = load<i32>(targets + (<usize>row << 2)) - columnStart;
    if (target >= 0 && target < columns) {
      const at = x + (<usize>target << 2);
      store<f32>(at, load<f32>(at) + gradient);
    }
  }
}

function largest(x: usize, columns: i32): f32 {
  let highest4 = f32x4.splat(-Infinity);
  let j = 0;
  for (; j + 4 <= columns; j += 4) highest4 = f32x4.max(highest4, v128.load(x + (<usize>j << 2)));
  let highest = max(
    max(f32x4.extract_lane(highest4, 0), f32x4.extract_lane(highest4, 1)),
    max(f32x4.extract_lane(highest4, 2), f32x4.extract_lane(highest4, 3)),
  );
  for (; j < columns; j++) highest = max(highest, load<f32>(x + (<usize>j << 2)));
  return highest;
}
