import { Random } from "../random.ts";
import { elementCount } from "../formats/tensor_file.ts";
import { Piece, type WeightSource } from "./weight_store.ts";

/**
 * Random weights of any shape, for benchmarks and tests: norms' weights 1, biases 0, matrices
 * uniform with the variance 1 / columns that keeps activations of order one.
 */
export class RandomSource implements WeightSource {
  readonly #random: Random;
  readonly #piece = new Piece();

  constructor(seed: number) {
    this.#random = new Random(seed);
  }

  has(_name: string): boolean {
    return true;
  }

  read(
    name: string,
    shape: readonly number[],
    _first = 0,
    count: number = shape[0],
  ): Float32Array<ArrayBuffer> {
    const length = count * elementCount(shape.slice(1));
    const values = this.#piece.replace(() => new Float32Array(length));
    if (shape.length === 1) return name.endsWith(".bias") ? values : values.fill(1);
    const bound = Math.sqrt(3 / shape[1]);
    for (let i = 0; i < values.length; i++) values[i] = (2 * this.#random.uniform() - 1) * bound;
    return values;
  }
}
