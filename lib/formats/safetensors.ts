import { UserError } from "../errors.ts";
import { writeFileAtomic } from "../platform/atomic_write.ts";
import { ELEMENT_BYTES, type FileDType } from "./dtype.ts";
import { DiskFile, type RandomAccessFile } from "./random_access_file.ts";
import { parseHeader, type SafetensorsInfo } from "./safetensors_header.ts";
import { tensorBytes, tensorChunks, type TensorData, TensorFile } from "./tensor_file.ts";

export type { TensorData };

/** Limit of the safetensors library: a false length must not lead to gigabytes of memory. */
const MAX_HEADER_BYTES = 100_000_000;

/**
 * Open safetensors file (https://github.com/huggingface/safetensors): its header, validated when it
 * is opened, and its tensors.
 *
 * ```ts
 * using file = SafetensorsFile.open("model.safetensors");
 * for (const { name, shape } of file.tensors.values()) console.log(name, shape);
 * const weight = file.readFloats("shared.weight");
 * ```
 */
export class SafetensorsFile extends TensorFile<SafetensorsInfo> {
  /**
   * Opens a file and validates its header: every tensor has a known dtype, a shape that fits its
   * bytes, and bytes inside the file that no other tensor shares.
   *
   * @param source a path on the disk, or an open file, which is closed with this one
   * @throws UserError naming the file, and the tensor where one is at fault.
   */
  static open(source: string | RandomAccessFile): SafetensorsFile {
    const file = typeof source === "string" ? DiskFile.open(source) : source;
    try {
      return new SafetensorsFile(file, parseHeader(file.path, readHeader(file), file.size));
    } catch (error) {
      file[Symbol.dispose]();
      throw error;
    }
  }

  protected override readElements(
    { byteOffset, dtype }: SafetensorsInfo,
    first: number,
    count: number,
  ): Uint8Array<ArrayBuffer> {
    const bytes = ELEMENT_BYTES[dtype];
    return this.file.read(byteOffset + first * bytes, count * bytes);
  }
}

function readHeader(file: RandomAccessFile): Uint8Array<ArrayBuffer> {
  const { path, size } = file;
  if (size < 8) {
    throw new UserError(
      `${path} is not a safetensors file: it has ${size} bytes, a header's length alone takes 8`,
    );
  }
  const length = new DataView(file.read(0, 8).buffer).getBigUint64(0, true);
  if (length > MAX_HEADER_BYTES) {
    throw new UserError(
      `${path} is not a safetensors file: its header claims ${length} bytes, the limit is ${MAX_HEADER_BYTES}`,
    );
  }
  if (Number(length) > size - 8) {
    throw new UserError(
      `${path} is truncated: its header claims ${length} bytes, the file has ${
        size - 8
      } left; copy or download it again`,
    );
  }
  return file.read(8, Number(length));
}

/**
 * Writes tensors as the safetensors library does, byte for byte: widest dtype first, then by name,
 * with the metadata `{"format": "pt"}` that transformers and PEFT expect, the header padded to 8
 * bytes. The file appears whole or not at all.
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
  let end = 0;
  const entries = sorted.map(([name, { dtype, shape }]) =>
    [name, { dtype, shape, data_offsets: [end, end += tensorBytes({ dtype, shape })] }] as const
  );
  const header = Object.fromEntries([["__metadata__", { format: "pt" }], ...entries]);
  const json = new TextEncoder().encode(JSON.stringify(header));
  const start = new Uint8Array(8 + Math.ceil(json.length / 8) * 8).fill(0x20);
  new DataView(start.buffer).setBigUint64(0, BigInt(start.length - 8), true);
  start.set(json, 8);
  await writeFileAtomic(path, chunks(start, sorted));
}

function* chunks(
  start: Uint8Array,
  tensors: readonly (readonly [string, TensorData])[],
): Generator<Uint8Array> {
  yield start;
  for (const [, tensor] of tensors) yield* tensorChunks(tensor);
}

/** Order in which the library lays dtypes out: descending alignment. */
const DTYPE_ORDER: readonly FileDType[] = [
  ...["U64", "I64", "F64", "F32", "U32", "I32", "BF16", "F16", "U16", "I16"] as const,
  ...["F8_E4M3", "F8_E5M2", "I8", "U8", "BOOL"] as const,
];
