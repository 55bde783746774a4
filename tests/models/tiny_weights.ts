import type { WeightSource } from "../../lib/models/weight_store.ts";
import { Random } from "../../lib/random.ts";
import { fromBf16, randomValues, toBf16 } from "../reference/check.ts";

/** Random weights that bf16 represents exactly, kept on the host by name. */
export class TinyWeights implements WeightSource {
  readonly values = new Map<string, Float64Array>();
  readonly shapes = new Map<string, readonly number[]>();
  readonly #random = new Random(11);

  has(): boolean {
    return true;
  }

  read(
    name: string,
    shape: readonly number[],
    first = 0,
    count: number = shape[0],
  ): Float32Array<ArrayBuffer> {
    const length = shape.reduce((a, b) => a * b);
    if (!this.values.has(name)) {
      this.values.set(name, fromBf16(toBf16(randomValues(this.#random, length))));
      this.shapes.set(name, shape);
    }
    const width = length / shape[0];
    const values = this.values.get(name)!;
    return Float32Array.from(values.subarray(first * width, (first + count) * width));
  }
}
