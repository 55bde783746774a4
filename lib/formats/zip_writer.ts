import { UserError } from "../errors.ts";
import { crc32 } from "../platform/hash.ts";

/** Entry of a zip file to be written. */
export interface ZipContent {
  /** Path in the archive, of ASCII characters. */
  name: string;
  /** Number of bytes in `chunks`. */
  byteLength: number;
  /** Makes the bytes while the file is written. */
  chunks(): Iterable<Uint8Array>;
}

/** Alignment of every entry's bytes in PyTorch's files, so that they can be mapped into memory. */
const ALIGNMENT = 64;
/** Flag: names are UTF-8. */
const UTF8_NAMES = 0x0800;
/** Flag: the entry's sizes and checksum follow it. */
const DESCRIPTOR_FOLLOWS = 0x0008;
/** Maximum size: offsets are written in 32 bits, as no adapter needs more. */
const MAX_BYTES = 2 ** 32 - 1;

/**
 * Yields the bytes of a zip file as PyTorch's writer (miniz) lays it out: stored entries aligned to
 * 64 bytes by an extra field "FB", sizes in data descriptors (but of empty entries), no times, a
 * zip64 end record.
 *
 * @param path of the file, for messages.
 * @throws UserError when it would have 4 GiB or more.
 */
export function* zipChunks(
  path: string,
  entries: readonly ZipContent[],
): Generator<Uint8Array<ArrayBufferLike>> {
  const directory: Uint8Array[] = [];
  let offset = 0;
  for (const { name, byteLength, chunks } of entries) {
    const encoded = new TextEncoder().encode(name);
    const flags = UTF8_NAMES | (byteLength > 0 ? DESCRIPTOR_FOLLOWS : 0);
    const start = localHeader(encoded, flags, offset);
    yield start;
    let crc = 0;
    for (const chunk of chunks()) {
      crc = crc32(chunk, crc);
      yield chunk;
    }
    const end = byteLength > 0
      ? record([[0x08074b50, 4], [crc, 4], [byteLength, 4], [byteLength, 4]])
      : new Uint8Array();
    yield end;
    directory.push(centralHeader(encoded, flags, crc, byteLength, offset));
    offset += start.length + byteLength + end.length;
    if (offset > MAX_BYTES) {
      throw new UserError(
        `cannot write ${path}: it would have more than 4 GiB; write safetensors instead`,
      );
    }
  }
  yield* directory;
  yield endRecords(entries.length, offset, directory.reduce((sum, { length }) => sum + length, 0));
}

function localHeader(name: Uint8Array, flags: number, offset: number): Uint8Array {
  const unaligned = offset + 30 + name.length + 4;
  const padding = (ALIGNMENT - unaligned % ALIGNMENT) % ALIGNMENT;
  const header = record([
    ...[[0x04034b50, 4], [0, 2], [flags, 2], [0, 2], [0, 2], [0, 2]] as const,
    ...[[0, 4], [0, 4], [0, 4], [name.length, 2], [4 + padding, 2]] as const,
  ]);
  const extra = record([[0x4246, 2], [padding, 2]]);
  return concat([header, name, extra, new Uint8Array(padding).fill(0x5a)]);
}

function centralHeader(
  name: Uint8Array,
  flags: number,
  crc: number,
  byteLength: number,
  offset: number,
): Uint8Array {
  const header = record([
    ...[[0x02014b50, 4], [0, 2], [0, 2], [flags, 2], [0, 2], [0, 2], [0, 2]] as const,
    ...[[crc, 4], [byteLength, 4], [byteLength, 4], [name.length, 2]] as const,
    ...[[0, 2], [0, 2], [0, 2], [0, 2], [0, 4], [offset, 4]] as const,
  ]);
  return concat([header, name]);
}

/** Makes the zip64 end record, its locator, and the plain end record. */
function endRecords(count: number, offset: number, length: number): Uint8Array {
  return record([
    ...[[0x06064b50, 4], [44, 8], [0x031e, 2], [45, 2], [0, 4], [0, 4]] as const,
    ...[[count, 8], [count, 8], [length, 8], [offset, 8]] as const,
    ...[[0x07064b50, 4], [0, 4], [offset + length, 8], [1, 4]] as const,
    ...[[0x06054b50, 4], [0, 2], [0, 2], [count, 2], [count, 2]] as const,
    ...[[length, 4], [offset, 4], [0, 2]] as const,
  ]);
}

/** Encodes little-endian fields, each a value and its number of bytes. */
function record(fields: readonly (readonly [value: number, bytes: number])[]): Uint8Array {
  return Uint8Array.from(
    fields.flatMap(([value, bytes]) =>
      Array.from({ length: bytes }, (_, i) => Math.floor(value / 256 ** i) % 256)
    ),
  );
}

function concat(parts: readonly Uint8Array[]): Uint8Array {
  return Uint8Array.from(parts.flatMap((part) => [...part]));
}
