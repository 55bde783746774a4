import { add, fill } from "../../kernels/elementwise/elementwise.ts";
import type { Device } from "../device/device.ts";
import { Tensor } from "../tensor/tensor.ts";

/** Each parameter starts at a multiple of this many elements: 256 bytes, as WebGPU requires. */
const ALIGNMENT = 64;

/** Name and shape of a parameter. */
export interface ParameterSpec {
  /** Name; unique in one `Parameters`. */
  readonly name: string;
  /** Sizes of its dimensions. */
  readonly shape: readonly number[];
}

/** A parameter's values on the host. */
export interface ParameterValues {
  /** Sizes of the dimensions. */
  shape: readonly number[];
  /** The elements, row-major. */
  data: Float32Array;
}

/**
 * Parameters in one packed f32 buffer, and their gradients in another: one launch updates them all,
 * one write saves them. Starts as zeros. It outlives contexts: `dispose` frees it.
 */
export class Parameters {
  /** The packed values, [elements and padding]; the padding is zero. */
  readonly values: Tensor;
  /** The packed gradients, laid out as the values; null when these are not trained. */
  readonly gradients: Tensor | null;
  /** Names, in the order of the specs. */
  readonly names: readonly string[];
  /** Elements of all parameters, padding not counted. */
  readonly count: number;
  /** Number of changes of the values so far: results computed from them are valid for one revision. */
  revision = 0;
  /** Names that `write` has set. */
  readonly #written = new Set<string>();
  /** Number of calls of `write`. */
  #writes = 0;
  readonly #views = new Map<string, Tensor>();

  /**
   * Reserves memory for parameters.
   *
   * @param options `trainable` reserves memory for gradients as well
   * @throws {RangeError} when two have one name
   * @throws {OutOfMemoryError} when they do not fit
   */
  static create(
    device: Device,
    specs: readonly ParameterSpec[],
    options: { trainable: boolean },
  ): Parameters {
    return new Parameters(device, specs, options.trainable);
  }

  /** Makes something of trainable parameters; when that fails, nothing of them stays on the device. */
  static build<T>(
    device: Device,
    specs: readonly ParameterSpec[],
    make: (parameters: Parameters) => T,
  ): T {
    const parameters = Parameters.create(device, specs, { trainable: true });
    try {
      return make(parameters);
    } catch (error) {
      parameters.dispose();
      throw error;
    }
  }

  private constructor(
    private readonly device: Device,
    specs: readonly ParameterSpec[],
    trainable: boolean,
  ) {
    const sizes = specs.map(({ shape }) => shape.reduce((product, size) => product * size, 1));
    this.names = specs.map(({ name }) => name);
    this.count = sizes.reduce((sum, size) => sum + size, 0);
    const padded = sizes.map((size) => Math.ceil(size / ALIGNMENT) * ALIGNMENT);
    const length = padded.reduce((sum, size) => sum + size, 0);
    const zeros = () => {
      const tensor = new Tensor(device, device.alloc(length * 4), [length]);
      fill(device, tensor, length, 0);
      return tensor;
    };
    this.values = zeros();
    try {
      this.gradients = trainable ? zeros() : null;
    } catch (error) {
      device.free(this.values.buffer);
      throw error;
    }
    let byteOffset = 0;
    specs.forEach(({ name, shape }, i) => {
      if (this.#views.has(name)) throw new RangeError(`two parameters are called "${name}"`);
      const view = new Tensor(device, this.values.buffer, shape, "f32", byteOffset);
      if (this.gradients) {
        view.requiresGrad = true;
        view.grad = new Tensor(device, this.gradients.buffer, shape, "f32", byteOffset);
      }
      this.#views.set(name, view);
      byteOffset += padded[i] * 4;
    });
  }

  /**
   * A parameter, as a view of the packed values. When it is trainable, backward passes add to its
   * `grad`.
   * @throws {RangeError} when there is none of that name
   */
  get(name: string): Tensor {
    const view = this.#views.get(name);
    if (!view) throw new RangeError(`no parameter is called "${name}"`);
    return view;
  }

  /** Sets the gradients to zero. */
  zeroGrad(): void {
    if (this.gradients) fill(this.device, this.gradients, this.gradients.length, 0);
  }

  /** Copies all values to the host, in the order of `names`. */
  async readAll(): Promise<Map<string, ParameterValues>> {
    const packed = await this.values.read();
    const result = new Map<string, ParameterValues>();
    for (const [name, { shape, length, byteOffset }] of this.#views) {
      const start = byteOffset / 4;
      result.set(name, { shape, data: packed.slice(start, start + length) });
    }
    return result;
  }

  /**
   * Sets a parameter's values.
   * @throws {RangeError} when there is none of that name, or `data` has another length
   */
  write(name: string, data: Float32Array): void {
    const view = this.get(name);
    if (data.length !== view.length) {
      throw new RangeError(
        `parameter "${name}" has ${view.length} elements [${view.shape}], got ${data.length}`,
      );
    }
    view.write(data);
    this.revision++;
    this.#written.add(name);
    this.#writes++;
  }

  /** True while a parameter is known to be the zeros that it started as. */
  isUntouched(name: string): boolean {
    return this.revision === this.#writes && !this.#written.has(name);
  }

  /**
   * Copies the values of parameters with the same names and shapes on the same device.
   * @throws {RangeError} when names or shapes differ
   */
  copyFrom(other: Parameters): void {
    const layout = (p: Parameters) =>
      JSON.stringify(p.names.map((name) => [name, p.get(name).shape]));
    if (layout(this) !== layout(other)) {
      throw new RangeError("the parameters' names or shapes differ");
    }
    add(this.device, this.values, null, other.values, this.values.length);
    this.revision++;
  }

  /** Frees the memory. */
  dispose(): void {
    this.device.free(this.values.buffer);
    if (this.gradients) this.device.free(this.gradients.buffer);
  }
}
