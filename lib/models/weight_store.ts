import { readsPanels } from "../../kernels/matmul/panels.ts";
import type { Device, DeviceBuffer } from "../device/device.ts";
import { UserError } from "../errors.ts";
import { Checkpoint } from "../formats/checkpoint.ts";
import type { ModelFiles } from "../formats/model_files.ts";
import { elementCount } from "../formats/tensor_file.ts";
import type { Parameters } from "../nn/parameters.ts";
import { Tensor } from "../tensor/tensor.ts";
import { type RowReader, tensorBytes, uploadRows, writeRows } from "../tensor/upload.ts";
import { WeightMatrix } from "../tensor/weight.ts";

/** Tensors of a checkpoint, without their values. */
export interface CheckpointTensors {
  /** Tells whether there is a tensor of this name. */
  has(name: string): boolean;
  /** Names of all tensors. */
  names(): Iterable<string>;
  /** Tells whether two tensors have the same values, shape and dtype. */
  same(a: string, b: string): boolean;
}

/** Source of a model's weights: a checkpoint's files, or random numbers. */
export interface WeightSource {
  has(name: string): boolean;
  /**
   * Checks a tensor before memory is asked for.
   *
   * @throws {UserError} when it is missing or has another shape
   */
  check?(name: string, shape: readonly number[]): void;
  /**
   * Reads a tensor's values, row-major: all of them, or `count` rows (of the first dimension) from
   * the `first` on; rows are read in their order. The array is valid until the next read.
   *
   * @throws {UserError} when it is missing or has another shape
   */
  read(
    name: string,
    shape: readonly number[],
    first?: number,
    count?: number,
  ): Float32Array<ArrayBuffer>;
}

/** Weights of a model's files: safetensors or PyTorch's .bin, in one file or several. */
export class CheckpointSource implements WeightSource, CheckpointTensors, Disposable {
  readonly #piece = new Piece();

  private constructor(
    /** The files. */
    readonly checkpoint: Checkpoint,
  ) {}

  /**
   * Opens the weights of a folder, or of files.
   *
   * @throws {UserError} when a file is missing or broken
   */
  static async open(source: string | ModelFiles): Promise<CheckpointSource> {
    return new CheckpointSource(await Checkpoint.open(source));
  }

  has(name: string): boolean {
    return this.checkpoint.files.has(name);
  }

  names(): Iterable<string> {
    return this.checkpoint.files.keys();
  }

  same(a: string, b: string): boolean {
    return this.checkpoint.same(a, b);
  }

  check(name: string, shape: readonly number[]): void {
    const { path } = this.checkpoint;
    if (!this.has(name)) {
      throw new UserError(
        `${path} has no tensor "${name}", which its config.json asks for (${bracket(shape)})`,
      );
    }
    const info = this.checkpoint.info(name);
    if (info.shape.join() !== shape.join()) {
      throw new UserError(
        `${path}: tensor "${name}" is ${bracket(info.shape)}, config.json asks for ${
          bracket(shape)
        }`,
      );
    }
  }

  read(
    name: string,
    shape: readonly number[],
    first = 0,
    count: number = shape[0],
  ): Float32Array<ArrayBuffer> {
    this.check(name, shape);
    const width = elementCount(shape.slice(1));
    return this.#piece.replace(() =>
      this.checkpoint.readFloats(name, first * width, count * width)
    );
  }

  [Symbol.dispose](): void {
    this.checkpoint[Symbol.dispose]();
  }
}

/**
 * Values that were read last. Detaching them gives their memory back at once: left to the garbage
 * collector, hundreds of megabytes pile up while a large model is loaded.
 */
export class Piece {
  #values: Float32Array<ArrayBuffer> | null = null;

  /** Gives the last values' memory back, then reads others. */
  replace(read: () => Float32Array<ArrayBuffer>): Float32Array<ArrayBuffer> {
    this.#values?.buffer.transfer(0);
    return this.#values = read();
  }
}

function bracket(shape: readonly number[]): string {
  return `[${shape.join(", ")}]`;
}

/** Options of {@linkcode WeightStore.matrix}. */
export interface MatrixOptions {
  /** True if the checkpoint has it as [in, out], as GPT-2's Conv1D layers. Default false. */
  readonly transposed?: boolean;
}

/** Weights by name, in the layouts that ops want: a model is built from them. */
export interface WeightStore {
  /** Tells whether there is a weight of this name. */
  has(name: string): boolean;
  /** The matrix of a linear layer, [rows, columns] = [out, in]. */
  matrix(name: string, rows: number, columns: number, options?: MatrixOptions): WeightMatrix;
  /** A lookup table, row-major [rows, columns]. */
  table(name: string, rows: number, columns: number): Tensor;
  /** A norm's weight, a bias or another small tensor, always f32. */
  tensor(name: string, shape: readonly number[]): Tensor;
  /**
   * Weights that kernels read together: queries, keys and values, a layer and its gate, the norms of
   * heads. A GPU has them in one block, which a kernel binds once, where that is not too large.
   *
   * @param make asks for the weights, whose values are there when it has returned
   */
  together<T>(make: () => T): T;
}

/** A weight that is to be uploaded with others. */
interface PendingWeight {
  readonly tensor: Tensor;
  readonly read: RowReader;
}

/** Memory of a weight that is pending, which is none. */
const PENDING: DeviceBuffer = { byteLength: 0 };

/** Frozen weights: matrices packed, matrices and tables in `dtype`, other tensors in f32. */
export class FrozenStore implements WeightStore {
  readonly #owned: (WeightMatrix | Tensor)[] = [];
  /** Weights that are being asked for together; null elsewhere. */
  #pending: PendingWeight[] | null = null;

  constructor(
    private readonly device: Device,
    private readonly source: WeightSource,
    private readonly dtype: "f32" | "bf16",
  ) {}

  /** Builds a model on a store; when that fails, nothing of it stays on the device. */
  static build<T>(
    device: Device,
    source: WeightSource,
    dtype: "f32" | "bf16",
    make: (store: FrozenStore) => T,
  ): T {
    const store = new FrozenStore(device, source, dtype);
    try {
      return make(store);
    } catch (error) {
      store.dispose();
      throw error;
    }
  }

  has(name: string): boolean {
    return this.source.has(name);
  }

  matrix(
    name: string,
    rows: number,
    columns: number,
    { transposed = false }: MatrixOptions = {},
  ): WeightMatrix {
    const read = transposed
      ? this.#transposedReader(name, rows, columns)
      : this.#reader(name, [rows, columns]);
    if (this.#pending) return WeightMatrix.frozen(this.#upload(read, [rows, columns], this.dtype));
    const matrix = WeightMatrix.freeze(this.device, read, rows, columns, this.dtype);
    this.#owned.push(matrix);
    return matrix;
  }

  table(name: string, rows: number, columns: number): Tensor {
    const shape = [rows, columns];
    return this.#upload(this.#reader(name, shape), shape, this.dtype);
  }

  tensor(name: string, shape: readonly number[]): Tensor {
    return this.#upload(this.#reader(name, shape), shape, "f32");
  }

  together<T>(make: () => T): T {
    // The kernels of a device with panels take any addresses.
    if (readsPanels(this.device)) return make();
    const pending: PendingWeight[] = this.#pending = [];
    try {
      const made = make();
      if (pending.length === 0) return made;
      const sizes = pending.map(({ tensor: { shape, dtype } }) => tensorBytes(shape, dtype));
      const buffers = this.device.allocTogether(sizes);
      pending.forEach(({ tensor }, i) => tensor.buffer = buffers[i]);
      this.#owned.push(...pending.map(({ tensor }) => tensor));
      for (const { tensor, read } of pending) writeRows(tensor, read);
      return made;
    } finally {
      this.#pending = null;
    }
  }

  dispose(): void {
    for (const item of this.#owned) {
      if (item instanceof Tensor) this.device.free(item.buffer);
      else item.dispose(this.device);
    }
    this.#owned.length = 0;
  }

  #upload(read: RowReader, shape: readonly number[], dtype: "f32" | "bf16"): Tensor {
    if (this.#pending) {
      const tensor = new Tensor(this.device, PENDING, shape, dtype);
      this.#pending.push({ tensor, read });
      return tensor;
    }
    const tensor = uploadRows(this.device, read, shape, dtype);
    this.#owned.push(tensor);
    return tensor;
  }

  #reader(name: string, shape: readonly number[]): RowReader {
    this.source.check?.(name, shape);
    return (first, count) => this.source.read(name, shape, first, count);
  }

  /** Reads rows of the transpose of a tensor, which is on the host whole meanwhile. */
  #transposedReader(name: string, rows: number, columns: number): RowReader {
    this.source.check?.(name, [columns, rows]);
    let stored: Float32Array | null = null;
    return (first, count) => {
      stored ??= this.source.read(name, [columns, rows]);
      const piece = new Float32Array(count * columns);
      for (let column = 0; column < columns; column++) {
        for (let row = 0; row < count; row++) {
          piece[row * columns + column] = stored[column * rows + first + row];
        }
      }
      return piece;
    };
  }
}

/** Trainable weights: every tensor is a parameter, for full fine-tuning. */
export class TrainableStore implements WeightStore {
  constructor(private readonly parameters: Parameters) {}

  has(name: string): boolean {
    return this.parameters.names.includes(name);
  }

  matrix(
    name: string,
    _rows: number,
    _columns: number,
    options: MatrixOptions = {},
  ): WeightMatrix {
    return WeightMatrix.trainable(this.parameters.get(name), options);
  }

  table(name: string, _rows: number, _columns: number): Tensor {
    return this.parameters.get(name);
  }

  tensor(name: string, _shape: readonly number[]): Tensor {
    return this.parameters.get(name);
  }

  /** Calls `make`: all parameters are in one block. */
  together<T>(make: () => T): T {
    return make();
  }
}
