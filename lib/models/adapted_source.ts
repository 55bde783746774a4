import { UserError } from "../errors.ts";
import { elementCount } from "../formats/tensor_file.ts";
import type { TensorChange } from "./adapter_changes.ts";
import { applyChange } from "./adapter_changes.ts";
import type { CheckpointTensors, WeightSource } from "./weight_store.ts";

/** Weights of a model with an adapter folded in, for inference. */
export class AdaptedSource implements WeightSource, CheckpointTensors {
  /**
   * Weights of a checkpoint with the changes of an adapter.
   *
   * @param changes by the names of the tensors; other values may be of one that the checkpoint lacks
   */
  constructor(
    private readonly base: WeightSource & CheckpointTensors,
    private readonly changes: ReadonlyMap<string, TensorChange>,
  ) {}

  has(name: string): boolean {
    return this.base.has(name) || this.changes.has(name);
  }

  names(): Iterable<string> {
    return new Set([...this.base.names(), ...this.changes.keys()]);
  }

  /** Tells whether two tensors have the same values, as far as no adapter changes them. */
  same(a: string, b: string): boolean {
    return !this.changes.has(a) && !this.changes.has(b) && this.base.same(a, b);
  }

  check(name: string, shape: readonly number[]): void {
    const change = this.changes.get(name);
    if (change?.kind !== "values") return this.base.check?.(name, shape);
    const found = change.values.shape;
    if (found.join() === shape.join()) return;
    throw new UserError(
      `the adapter's "${name}" is [${found.join(", ")}], config.json asks for [${
        shape.join(", ")
      }]`,
    );
  }

  read(
    name: string,
    shape: readonly number[],
    first = 0,
    count: number = shape[0],
  ): Float32Array<ArrayBuffer> {
    const change = this.changes.get(name);
    const width = elementCount(shape.slice(1));
    if (change?.kind === "values") {
      this.check(name, shape);
      return change.values.data.slice(first * width, (first + count) * width);
    }
    const values = this.base.read(name, shape, first, count);
    if (change) applyChange(values, width, first, change);
    return values;
  }
}
