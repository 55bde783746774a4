import type { Device, DeviceBuffer, Span } from "../device/device.ts";

/** Element types. `bf16` tensors are two values in 32 bits; arithmetic is always f32. */
export type DType = "f32" | "i32" | "bf16";

/** Bytes that one element takes. */
export const BYTES: Readonly<Record<DType, number>> = { f32: 4, i32: 4, bf16: 2 };

/** A shaped view of device memory, row-major. It does not own the memory: a Context or a Device does. */
export class Tensor implements Span {
  /** True when a backward pass computes a gradient for it. */
  requiresGrad = false;
  /** The gradient: same shape, f32. Set by the backward pass, or beforehand for parameters. */
  grad: Tensor | null = null;

  /** A view of memory that is there already. */
  constructor(
    /** Device of the memory. */
    readonly device: Device,
    /** The block of memory; another one after a Context has freed the tensor and computed it again. */
    public buffer: DeviceBuffer,
    /** Sizes of the dimensions, the outermost first. */
    readonly shape: readonly number[],
    /** Type of the elements. */
    readonly dtype: DType = "f32",
    /** Offset of the first element in the block, in bytes. */
    readonly byteOffset: number = 0,
  ) {}

  /** Number of elements. */
  get length(): number {
    let n = 1;
    for (const d of this.shape) n *= d;
    return n;
  }

  /** Size of all dimensions but the last: linear layers and norms see a [rows, width] matrix. */
  get rows(): number {
    return this.length / this.width;
  }

  /** Size of the last dimension. */
  get width(): number {
    return this.shape[this.shape.length - 1] ?? 1;
  }

  /** The same memory from row `start`, `count` rows of it. */
  slice(start: number, count: number): Tensor {
    const rowBytes = this.width * BYTES[this.dtype];
    return new Tensor(
      this.device,
      this.buffer,
      [count, this.width],
      this.dtype,
      this.byteOffset + start * rowBytes,
    );
  }

  /** Copies the values to the host. f32 and i32 only. */
  async read(): Promise<Float32Array<ArrayBuffer>> {
    const bytes = await this.device.read(this, this.length * 4);
    return new Float32Array(bytes.buffer);
  }

  /** Copies the values to the host as integers. */
  async readInts(): Promise<Int32Array<ArrayBuffer>> {
    const bytes = await this.device.read(this, this.length * 4);
    return new Int32Array(bytes.buffer);
  }

  /** Copies values from the host: as many as there are elements, bf16 as their bits. */
  write(data: Float32Array | Int32Array | Uint16Array): void {
    this.device.write(this, data);
  }
}
