import { int, span } from "../abi.wasm";

/** table[head][i] = weight[buckets[i]][head] */
export function relative_bias(args: usize, task: i32, scratch: usize): void {
  const table = span(args, 0);
  const weight = span(args, 1);
  const buckets = span(args, 2);
  const heads = int(args, 3);
  const distances = int(args, 4);
  for (let head = 0; head < heads; head++) {
    for (let i = 0; i < distances; i++) {
      const from = load<i32>(buckets + (<usize> i << 2)) * heads + head;
      const value = load<f32>(weight + (<usize> from << 2));
      store<f32>(table + (<usize> (head * distances + i) << 2), value);
    }
  }
}

/** dWeight[buckets[i]][head] += dTable[head][i], in the order of i */
export function relative_bias_backward(args: usize, task: i32, scratch: usize): void {
  const dTable = span(args, 0);
  const dWeight = span(args, 1);
  const buckets = span(args, 2);
  const heads = int(args, 3);
  const distances = int(args, 4);
  for (let head = 0; head < heads; head++) {
    for (let i = 0; i < distances; i++) {
      const to = dWeight + (<usize> (load<i32>(buckets + (<usize> i << 2)) * heads + head) << 2);
      const from = dTable + (<usize> (head * distances + i) << 2);
      store<f32>(to, load<f32>(to) + load<f32>(from));
    }
  }
}
