import type { Device, DeviceBuffer } from "../device/device.ts";
import { OutOfMemoryError } from "../errors.ts";
import { elementCount } from "../formats/tensor_file.ts";
import type { ParameterSpec } from "../nn/parameters.ts";
import { Tensor } from "../tensor/tensor.ts";
import { WeightMatrix } from "../tensor/weight.ts";
import type { MatrixOptions, WeightSource, WeightStore } from "./weight_store.ts";

/** Builder of a model, whatever it returns. */
type Build = (device: Device, store: WeightStore) => unknown;

/**
 * Names and shapes of the weights that a model asks for.
 *
 * @param has tells whether there is a weight of a name; by default there is any
 */
export function modelWeights(
  device: Device,
  build: Build,
  has: (name: string) => boolean = () => true,
): ParameterSpec[] {
  const outline = new OutlineStore(device, has);
  build(device, outline);
  return outline.specs;
}

/**
 * Checks that files have the weights that a model asks for, and that a device has room for them.
 *
 * @returns names and shapes of the weights
 * @throws {UserError} when one is missing or has another shape
 * @throws {OutOfMemoryError} when they cannot fit
 */
export function checkWeights(
  device: Device,
  build: Build,
  source: WeightSource,
  storage: WeightStorage,
): ParameterSpec[] {
  const specs = modelWeights(device, build, (name) => source.has(name));
  for (const { name, shape } of specs) source.check?.(name, shape);
  checkWeightMemory(device, specs, storage);
  return specs;
}

/** Memory of a placeholder, which is none: building a model reads and writes no weight. */
const NOTHING: DeviceBuffer = { byteLength: 0 };

/** Notes the names and shapes of the weights that a model asks for; it hands out placeholders. */
class OutlineStore implements WeightStore {
  readonly #specs = new Map<string, ParameterSpec>();

  constructor(
    private readonly device: Device,
    readonly has: (name: string) => boolean,
  ) {}

  /** The weights, each once: tied ones are asked for twice. */
  get specs(): ParameterSpec[] {
    return [...this.#specs.values()];
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
    return new Tensor(this.device, NOTHING, shape);
  }

  together<T>(make: () => T): T {
    return make();
  }
}

/** Type that frozen matrices are stored in; "trained" for weights with gradients, in f32. */
type WeightStorage = "f32" | "bf16" | "trained";

/**
 * Compares the memory that weights take at least with the device's, before any is read.
 *
 * @throws {OutOfMemoryError} when they cannot fit
 */
export function checkWeightMemory(
  device: Device,
  weights: readonly ParameterSpec[],
  storage: WeightStorage,
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
