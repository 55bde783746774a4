import { join } from "node:path";
import type { Device } from "../device/device.ts";
import { UserError } from "../errors.ts";
import { SafetensorsFile } from "../formats/safetensors.ts";
import type { Parameters } from "../nn/parameters.ts";
import { toBf16 } from "../tensor/bf16.ts";
import { Tensor } from "../tensor/tensor.ts";
import { WeightMatrix } from "../tensor/weight.ts";

/** Where a model's weights come from: a checkpoint's file, or random numbers. */
export interface WeightSource {
  has(name: string): boolean;
  /** A tensor's values, row-major. @throws {UserError} when it is missing or has another shape. */
  read(name: string, shape: readonly number[]): Float32Array<ArrayBuffer>;
}

/** The model.safetensors of a folder. */
export class SafetensorsSource implements WeightSource, Disposable {
  readonly #file: SafetensorsFile;

  constructor(folder: string) {
    this.#file = SafetensorsFile.open(join(folder, "model.safetensors"));
  }

  has(name: string): boolean {
    return this.#file.tensors.has(name);
  }

  read(name: string, shape: readonly number[]): Float32Array<ArrayBuffer> {
    const info = this.#file.tensors.get(name);
    if (!info) {
      throw new UserError(
        `${this.#file.path} has no tensor "${name}", which its config.json asks for (${
          bracket(shape)
        }).`,
      );
    }
    if (info.shape.join() !== shape.join()) {
      throw new UserError(
        `${this.#file.path}: tensor "${name}" is ${bracket(info.shape)}, config.json asks for ${
          bracket(shape)
        }.`,
      );
    }
    return this.#file.readFloats(name);
  }

  [Symbol.dispose](): void {
    this.#file.close();
  }
}

function bracket(shape: readonly number[]): string {
  return `[${shape.join(", ")}]`;
}

/** What a model is built from: its weights by name, as the layouts that ops want. */
export interface WeightStore {
  has(name: string): boolean;
  /** The matrix of a linear layer. */
  matrix(name: string, rows: number, columns: number): WeightMatrix;
  /** A lookup table, row-major [rows, columns]. */
  table(name: string, rows: number, columns: number): Tensor;
  /** A norm's weight, a bias or another small tensor, always f32. */
  tensor(name: string, shape: readonly number[]): Tensor;
}

/** Frozen weights: matrices packed, matrices and tables in `dtype`, other tensors in f32. */
export class FrozenStore implements WeightStore {
  readonly #owned: (WeightMatrix | Tensor)[] = [];

  constructor(
    private readonly device: Device,
    private readonly source: WeightSource,
    private readonly dtype: "f32" | "bf16",
  ) {}

  has(name: string): boolean {
    return this.source.has(name);
  }

  matrix(name: string, rows: number, columns: number): WeightMatrix {
    const data = this.source.read(name, [rows, columns]);
    const matrix = WeightMatrix.freeze(this.device, data, rows, columns, this.dtype);
    this.#owned.push(matrix);
    return matrix;
  }

  table(name: string, rows: number, columns: number): Tensor {
    const data = this.source.read(name, [rows, columns]);
    return this.#upload(this.dtype === "bf16" ? toBf16(data) : data, [rows, columns], this.dtype);
  }

  tensor(name: string, shape: readonly number[]): Tensor {
    return this.#upload(this.source.read(name, shape), shape, "f32");
  }

  dispose(): void {
    for (const item of this.#owned) {
      if (item instanceof Tensor) this.device.free(item.buffer);
      else item.dispose(this.device);
    }
    this.#owned.length = 0;
  }

  #upload(
    data: Float32Array | Uint16Array,
    shape: readonly number[],
    dtype: "f32" | "bf16",
  ): Tensor {
    const tensor = new Tensor(this.device, this.device.alloc(data.byteLength), shape, dtype);
    tensor.write(data);
    this.#owned.push(tensor);
    return tensor;
  }
}

/** Trainable weights: every tensor is a parameter, for full fine-tuning. */
export class TrainableStore implements WeightStore {
  constructor(private readonly parameters: Parameters) {}

  has(name: string): boolean {
    return this.parameters.names.includes(name);
  }

  matrix(name: string, _rows: number, _columns: number): WeightMatrix {
    return WeightMatrix.trainable(this.parameters.get(name));
  }

  table(name: string, _rows: number, _columns: number): Tensor {
    return this.parameters.get(name);
  }

  tensor(name: string, _shape: readonly number[]): Tensor {
    return this.parameters.get(name);
  }
}
