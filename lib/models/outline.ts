import type { Device, DeviceBuffer } from "../device/device.ts";
import { OutOfMemoryError } from "../errors.ts";
import { elementCount } from "../formats/tensor_file.ts";
import type { ParameterSpec } from "../nn/parameters.ts";
import { Tensor } from "../tensor/tensor.ts";
import { WeightMatrix } from "../tensor/weight.ts";
import type { MatrixOptions, WeightStore } from "./weight_store.ts";

/** Names and shapes of the weights that a model asks for. */
export function modelWeights(
  device: Device,
  build: (device: Device, store: WeightStore) => unknown,
): ParameterSpec[] {
  const outline = new OutlineStore(device);
  build(device, outline);
  return outline.finish();
}

/** Notes the names and shapes of the weights that a model asks for; it hands out placeholders. */
class OutlineStore implements WeightStore {
  readonly #specs = new Map<string, ParameterSpec>();
  readonly #placeholder: DeviceBuffer;

  constructor(private readonly device: Device) {
    this.#placeholder = device.alloc(4);
  }

  has(_name: string): boolean {
    return true;
  }

  matrix(
    name: string,
    rows: number,
    columns: number,
    { transposed = false }: MatrixOptions = {},
  ): WeightMatrix {
    const shape = transposed ? [columns, rows] : [rows, columns];
    return WeightMatrix.trainable(this.tensor(name, shape), { transposed });
  }

  table(name: string, rows: number, columns: number): Tensor {
    return this.tensor(name, [rows, columns]);
  }

  tensor(name: string, shape: readonly number[]): Tensor {
    this.#specs.set(name, { name, shape });
    return new Tensor(this.device, this.#placeholder, shape);
  }

  /** The weights, each once: tied ones are asked for twice. */
  finish(): ParameterSpec[] {
    this.device.free(this.#placeholder);
    return [...this.#specs.values()];
  }
}

/**
 * Compares the memory that weights take at least with the device's, before any is read.
 *
 * @param storage type that frozen matrices are stored in; "trained" for weights with gradients, in f32
 * @throws {OutOfMemoryError} when they cannot fit
 */
export function checkWeightMemory(
  device: Device,
  weights: readonly ParameterSpec[],
  storage: "f32" | "bf16" | "trained",
): void {
  const { memoryLimit: limit } = device;
  if (limit === null) return;
  const bytesOf = ({ shape }: ParameterSpec) => {
    if (storage === "trained") return 8;
    return storage === "bf16" && shape.length > 1 ? 2 : 4;
  };
  const bytes = weights.reduce((sum, spec) => sum + bytesOf(spec) * elementCount(spec.shape), 0);
  const needed = device.memory.used + bytes;
  if (needed <= limit) return;
  const kind = storage === "trained" ? "the weights and their gradients" : `${storage} weights`;
  throw new OutOfMemoryError(
    `the model takes ${memorySize(bytes)} for ${kind}, the device has ${
      memorySize(Math.max(0, limit - device.memory.used))
    }: ${memorySize(needed - limit)} are missing`,
    { needed, available: limit },
  );
}

/** Size of a piece of memory for people, as 512 MiB or 1.50 GiB. */
export function memorySize(bytes: number): string {
  const mib = bytes / 2 ** 20;
  return mib < 1000 ? `${Math.ceil(mib)} MiB` : `${(mib / 1024).toFixed(2)} GiB`;
}
