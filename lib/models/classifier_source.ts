import type { CheckpointLayout } from "./family.ts";
import type { CheckpointTensors, WeightSource } from "./weight_store.ts";

/**
 * Weights of a checkpoint under their names in a classifier: a language model, of which it is to be made,
 * may have them under others.
 */
export class ClassifierSource implements WeightSource, CheckpointTensors {
  /** Name in the checkpoint of each tensor of the classifier. */
  readonly #stored = new Map<string, string>();

  constructor(
    private readonly base: WeightSource & CheckpointTensors,
    { inClassifier = (name) => name }: Pick<CheckpointLayout, "inClassifier">,
  ) {
    for (const name of base.names()) {
      const own = inClassifier(name);
      if (own !== null) this.#stored.set(own, name);
    }
  }

  has(name: string): boolean {
    return this.#stored.has(name);
  }

  names(): Iterable<string> {
    return this.#stored.keys();
  }

  same(a: string, b: string): boolean {
    return this.base.same(this.#storedName(a), this.#storedName(b));
  }

  check(name: string, shape: readonly number[]): void {
    this.base.check?.(this.#storedName(name), shape);
  }

  read(
    name: string,
    shape: readonly number[],
    first?: number,
    count?: number,
  ): Float32Array<ArrayBuffer> {
    return this.base.read(this.#storedName(name), shape, first, count);
  }

  #storedName(name: string): string {
    return this.#stored.get(name) ?? name;
  }
}
