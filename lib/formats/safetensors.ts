import { UserError } from "../errors.ts";
import { ioReason } from "./io_error.ts";
import { writeFileAtomic } from "./atomic_write.ts";
import { parseHeader } from "./safetensors_header.ts";
import type { SafetensorsDType, TensorInfo } from "./safetensors_header.ts";

export type { SafetensorsDType, TensorInfo };

/** The library's own limit, so that a lying length cannot make us allocate gigabytes. */
const MAX_HEADER_BYTES = 100_000_000;

/**
 * An open safetensors file (https://github.com/huggingface/safetensors): its header, validated when it
 * is opened, and its tensors, read one at a time so that the file is never held in memory whole.
 *
 * Reads are synchronous: a seek and a read cannot be separated by another read.
 *
 * ```ts
 * using file = SafetensorsFile.open("model.safetensors");
 * for (const { name, shape } of file.tensors.values()) console.log(name, shape);
 * const weight = file.readFloats("shared.weight");
 * ```
 */
export class SafetensorsFile implements Disposable {
  private constructor(
    /** As given to `open`, for messages. */
    readonly path: string,
    /** What the file holds, by name, in the order of the data. */
    readonly tensors: ReadonlyMap<string, TensorInfo>,
    private readonly file: Deno.FsFile,
  ) {}

  /**
   * Opens a file and validates its header: every tensor has a known dtype, a shape that fits its bytes,
   * and bytes inside the file that no other tensor shares.
   *
   * @throws UserError naming the file, and the tensor where one is at fault.
   */
  static open(path: string): SafetensorsFile {
    let file: Deno.FsFile;
    try {
      file = Deno.openSync(path, { read: true });
    } catch (error) {
      throw new UserError(`Cannot read ${path}: ${ioReason(error)}.`, { cause: error });
    }
    try {
      const size = file.statSync().size;
      if (size < 8) {
        throw new UserError(
          `${path} is not a safetensors file: it has ${size} bytes, a header's length alone takes 8.`,
        );
      }
      const length = new DataView(readRange(file, path, 0, 8).buffer).getBigUint64(0, true);
      if (length > MAX_HEADER_BYTES) {
        throw new UserError(
          `${path} is not a safetensors file: its header claims ${length} bytes, the limit is ${MAX_HEADER_BYTES}.`,
        );
      }
      if (Number(length) > size - 8) {
        throw new UserError(
          `${path} is truncated: its header claims ${length} bytes, the file has ${
            size - 8
          } left. Copy or download it again.`,
        );
      }
      const header = readRange(file, path, 8, Number(length));
      return new SafetensorsFile(path, parseHeader(path, header, size), file);
    } catch (error) {
      file.close();
      if (error instanceof UserError) throw error;
      throw new UserError(`Cannot read ${path}: ${ioReason(error)}.`, { cause: error });
    }
  }

  /** Name, dtype and shape of a tensor. @throws UserError when the file has none of this name. */
  info(name: string): TensorInfo {
    const info = this.tensors.get(name);
    if (!info) throw new UserError(`${this.path} has no tensor "${name}".`);
    return info;
  }

  /** A tensor's bytes as they are in the file: row-major, little-endian. */
  readBytes(name: string): Uint8Array<ArrayBuffer> {
    const { byteOffset, byteLength } = this.info(name);
    return readRange(this.file, this.path, byteOffset, byteLength);
  }

  /** A tensor of F32, F16, BF16 or F64 as f32. @throws UserError for any other dtype. */
  readFloats(name: string): Float32Array<ArrayBuffer> {
    const info = this.info(name);
    const { buffer } = this.readBytes(name);
    switch (info.dtype) {
      case "F32":
        return new Float32Array(buffer);
      case "F64":
        return Float32Array.from(new Float64Array(buffer));
      case "F16":
        return Float32Array.from(new Float16Array(buffer));
      case "BF16":
        // bf16 is the upper half of an f32.
        return new Float32Array(Uint32Array.from(new Uint16Array(buffer), (v) => v << 16).buffer);
      default:
        throw unexpectedDType(this.path, info, "floating-point numbers (F32, F16, BF16 or F64)");
    }
  }

  /** A tensor of I64 or I32 as i32. @throws UserError for any other dtype or a value beyond 32 bits. */
  readInts(name: string): Int32Array<ArrayBuffer> {
    const info = this.info(name);
    const { buffer } = this.readBytes(name);
    if (info.dtype === "I32") return new Int32Array(buffer);
    if (info.dtype !== "I64") throw unexpectedDType(this.path, info, "integers (I64 or I32)");
    return Int32Array.from(new BigInt64Array(buffer), (value) => {
      if (BigInt.asIntN(32, value) === value) return Number(value);
      throw new UserError(`${this.path}: tensor "${name}" holds ${value}, beyond 32 bits.`);
    });
  }

  /** Closes the file. */
  close(): void {
    this.file.close();
  }

  /** Closes the file at the end of a `using` block. */
  [Symbol.dispose](): void {
    this.close();
  }
}

function unexpectedDType(path: string, { name, dtype }: TensorInfo, expected: string): UserError {
  return new UserError(`${path}: tensor "${name}" is ${dtype}, expected ${expected}.`);
}

function readRange(
  file: Deno.FsFile,
  path: string,
  offset: number,
  length: number,
): Uint8Array<ArrayBuffer> {
  const bytes = new Uint8Array(length);
  file.seekSync(offset, Deno.SeekMode.Start);
  for (let done = 0; done < length;) {
    const count = file.readSync(bytes.subarray(done));
    if (count === null) {
      throw new UserError(
        `${path} is truncated: it ends at byte ${offset + done} while being read.`,
      );
    }
    done += count;
  }
  return bytes;
}

/** A tensor to be written. */
export interface TensorData {
  /** Type of the elements. */
  dtype: SafetensorsDType;
  /** Sizes of the dimensions; none for a scalar. */
  shape: readonly number[];
  /** The elements' bytes, row-major, as many as the shape says. */
  data: ArrayBufferView<ArrayBuffer>;
}

/**
 * Writes tensors as the safetensors library does, byte for byte: widest dtype first, then by name, with
 * the metadata `{"format": "pt"}` that transformers and PEFT expect, the header padded to 8 bytes.
 * The file appears whole or not at all.
 *
 * @throws UserError when it cannot be written.
 */
export async function writeSafetensors(
  path: string,
  tensors: ReadonlyMap<string, TensorData>,
): Promise<void> {
  const sorted = [...tensors].sort(([nameA, a], [nameB, b]) =>
    DTYPE_ORDER.indexOf(a.dtype) - DTYPE_ORDER.indexOf(b.dtype) || (nameA < nameB ? -1 : 1)
  );
  const header: Record<string, unknown> = { __metadata__: { format: "pt" } };
  let end = 0;
  for (const [name, { dtype, shape, data }] of sorted) {
    header[name] = { dtype, shape, data_offsets: [end, end += data.byteLength] };
  }
  const json = new TextEncoder().encode(JSON.stringify(header));
  const start = new Uint8Array(8 + Math.ceil(json.length / 8) * 8).fill(0x20);
  new DataView(start.buffer).setBigUint64(0, BigInt(start.length - 8), true);
  start.set(json, 8);
  await writeFileAtomic(path, [
    start,
    ...sorted.map(([, { data }]) => new Uint8Array(data.buffer, data.byteOffset, data.byteLength)),
  ]);
}

/** The order in which the library lays dtypes out: descending alignment. */
const DTYPE_ORDER: readonly SafetensorsDType[] = [
  ...["U64", "I64", "F64", "F32", "U32", "I32", "BF16", "F16", "U16", "I16"] as const,
  ...["F8_E4M3", "F8_E5M2", "I8", "U8", "BOOL"] as const,
];
