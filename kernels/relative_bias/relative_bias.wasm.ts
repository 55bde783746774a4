import { RelativeBiasArgs, RelativeBiasBackwardArgs } from "./args.wasm";

/** table[head][i] = weight[buckets[i]][head] */
export function relative_bias(args: RelativeBiasArgs, task: i32, scratch: usize): void {
  const table = args.table;
  const weight = args.weight;
  const buckets = args.buckets;
  const heads = args.heads;
  const distances = args.distances;
  for (let head = 0; head < heads; head++) {
    for (let i = 0; i < distances; i++) {
      const from = load<i32>(buckets + (<usize> i << 2)) * heads + head;
      const value = load<f32>(weight + (<usize> from << 2));
      store<f32>(table + (<usize> (head * distances + i) << 2), value);
    }
  }
}

/** dWeight[buckets[i]][head] += dTable[head][i], in the order of i */
export function relative_bias_backward(args: RelativeBiasBackwardArgs, task: i32, scratch: usize): void {
  const dTable = args.dTable;
  const dWeight = args.dWeight;
  const buckets = args.buckets;
  const heads = args.heads;
  const distances = args.distances;
  for (let head = 0; head < heads; head++) {
    for (let i = 0; i < distances; i++) {
      const to = dWeight + (<usize> (load<i32>(buckets + (<usize> i << 2)) * heads + head) << 2);
      const from = dTable + (<usize> (head * distances + i) << 2);
      store<f32>(to, load<f32>(to) + load<f32>(from));
    }
  }
}
