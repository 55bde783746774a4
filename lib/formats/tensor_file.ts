import { UserError } from "../errors.ts";
import { decodeFloats, ELEMENT_BYTES, type FileDType } from "./dtype.ts";
import type { RandomAccessFile } from "./random_access_file.ts";

/** Name, type and shape of a tensor in a file. */
export interface TensorInfo {
  /** Name, unique in the file. */
  name: string;
  /** Type of the elements. */
  dtype: FileDType;
  /** Sizes of the dimensions; none for a scalar. */
  shape: readonly number[];
}

/** Number of elements of a shape. */
export function elementCount(shape: readonly number[]): number {
  return shape.reduce((product, size) => product * size, 1);
}

/**
 * Open file of named tensors. One tensor, or a piece of one, is read at a time, so that neither
 * the file nor a large tensor need be in memory whole.
 */
export abstract class TensorFile<Info extends TensorInfo = TensorInfo> implements Disposable {
  /** Takes an open file, which is closed with this one, and its validated directory. */
  protected constructor(
    /** Open file. */
    protected readonly file: RandomAccessFile,
    /** Tensors of the file, by name. */
    readonly tensors: ReadonlyMap<string, Info>,
  ) {}

  /** Path of the file, for messages. */
  get path(): string {
    return this.file.path;
  }

  /** Name, dtype and shape of a tensor. @throws UserError when the file has none of this name. */
  info(name: string): Info {
    const info = this.tensors.get(name);
    if (!info) throw new UserError(`${this.path} has no tensor "${name}"`);
    return info;
  }

  /** Reads the bytes of `count` elements from the `first` on, row-major and little-endian. */
  protected abstract readElements(
    info: Info,
    first: number,
    count: number,
  ): Uint8Array<ArrayBuffer>;

  /**
   * Reads a tensor's bytes, row-major and little-endian: all of it, or `count` elements from the
   * `first` on.
   */
  readBytes(name: string, first = 0, count?: number): Uint8Array<ArrayBuffer> {
    const info = this.info(name);
    return this.readElements(info, first, count ?? elementCount(info.shape) - first);
  }

  /**
   * Reads a tensor of F32, F16, BF16 or F64 as f32: all of it, or `count` elements from the `first`
   * on, row-major.
   *
   * @throws UserError for any other dtype.
   */
  readFloats(name: string, first = 0, count?: number): Float32Array<ArrayBuffer> {
    const info = this.info(name);
    const bytes = this.readElements(info, first, count ?? elementCount(info.shape) - first);
    const floats = decodeFloats(bytes, info.dtype);
    // A widened copy leaves the bytes to nobody: their memory is given back at once.
    if (floats && floats.buffer !== bytes.buffer) bytes.buffer.transfer(0);
    if (floats) return floats;
    throw this.#unexpectedDType(info, "floating-point numbers (F32, F16, BF16 or F64)");
  }

  /**
   * Reads a tensor of I64 or I32 as i32.
   *
   * @throws UserError for any other dtype or a value beyond 32 bits.
   */
  readInts(name: string): Int32Array<ArrayBuffer> {
    const info = this.info(name);
    const { buffer } = this.readBytes(name);
    if (info.dtype === "I32") return new Int32Array(buffer);
    if (info.dtype !== "I64") throw this.#unexpectedDType(info, "integers (I64 or I32)");
    return Int32Array.from(new BigInt64Array(buffer), (value) => {
      if (BigInt.asIntN(32, value) === value) return Number(value);
      throw new UserError(`${this.path}: tensor "${name}" holds ${value}, beyond 32 bits`);
    });
  }

  /** Closes the file. */
  close(): void {
    this.file[Symbol.dispose]();
  }

  /** Closes the file at the end of a `using` block. */
  [Symbol.dispose](): void {
    this.close();
  }

  #unexpectedDType({ name, dtype }: TensorInfo, expected: string): UserError {
    return new UserError(`${this.path}: tensor "${name}" is ${dtype}, expected ${expected}`);
  }
}

/** Bytes of a tensor's elements. */
export function tensorBytes({ dtype, shape }: Pick<TensorInfo, "dtype" | "shape">): number {
  return elementCount(shape) * ELEMENT_BYTES[dtype];
}

/** Tensor to be written. */
export interface TensorData {
  /** Type of the elements. */
  dtype: FileDType;
  /** Sizes of the dimensions; none for a scalar. */
  shape: readonly number[];
  /**
   * Bytes of the elements, row-major, as many as the shape says: at once, or in chunks that are
   * made while the file is written.
   */
  data: ArrayBufferView<ArrayBuffer> | (() => Iterable<ArrayBufferView<ArrayBuffer>>);
}

/** Yields the bytes of a tensor to be written. */
export function* tensorChunks({ data }: TensorData): Generator<Uint8Array<ArrayBuffer>> {
  for (const { buffer, byteOffset, byteLength } of typeof data === "function" ? data() : [data]) {
    yield new Uint8Array(buffer, byteOffset, byteLength);
  }
}
