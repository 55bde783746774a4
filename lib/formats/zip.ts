import { UserError } from "../errors.ts";
import type { RandomAccessFile } from "./random_access_file.ts";

/** Place of an entry's bytes in a zip file. */
export interface ZipEntry {
  /** Offset in the file. */
  byteOffset: number;
  /** Number of bytes. */
  byteLength: number;
}

const LOCAL_HEADER = 0x04034b50;
const CENTRAL_HEADER = 0x02014b50;
const ZIP64_END = 0x06064b50;
const ZIP64_LOCATOR = 0x07064b50;
const END = 0x06054b50;
const END_BYTES = 22;
const LOCATOR_BYTES = 20;
const MAX_COMMENT_BYTES = 0xffff;
/** Content of a 32-bit field whose value is in the zip64 extra field. */
const IN_ZIP64 = 0xffffffff;

/**
 * Reads the directory of a zip file whose entries are stored, not compressed (PKWARE's APPNOTE 6.3,
 * zip64 included): all that PyTorch writes.
 *
 * @throws UserError when the file is not such a zip, or an entry is outside of it.
 */
export function readZipDirectory(file: RandomAccessFile): Map<string, ZipEntry> {
  const { offset, length } = findDirectory(file);
  const bytes = file.read(offset, length);
  const view = new DataView(bytes.buffer);
  const entries = new Map<string, ZipEntry>();
  for (let at = 0; at < length;) {
    if (at + 46 > length || view.getUint32(at, true) !== CENTRAL_HEADER) {
      throw broken(file, `its directory ends within an entry at byte ${offset + at}`);
    }
    const nameEnd = at + 46 + view.getUint16(at + 28, true);
    const extraEnd = nameEnd + view.getUint16(at + 30, true);
    if (extraEnd > length) throw broken(file, "its directory is cut");
    const name = new TextDecoder().decode(bytes.subarray(at + 46, nameEnd));
    if (entries.has(name)) throw broken(file, `it has two entries "${name}"`);
    if (view.getUint16(at + 8, true) & 1) throw broken(file, `entry "${name}" is encrypted`);
    const method = view.getUint16(at + 10, true);
    if (method !== 0) {
      throw broken(file, `entry "${name}" is compressed (method ${method}), expected stored`);
    }
    const extra = new DataView(bytes.buffer, nameEnd, extraEnd - nameEnd);
    const [byteLength, storedLength, header] = sizes(file, view, at, extra);
    if (byteLength !== storedLength) throw broken(file, `entry "${name}" has two sizes`);
    entries.set(name, { byteOffset: dataOffset(file, name, header, byteLength), byteLength });
    at = extraEnd + view.getUint16(at + 32, true);
  }
  return entries;
}

function findDirectory(file: RandomAccessFile): { offset: number; length: number } {
  const tailBytes = Math.min(file.size, END_BYTES + MAX_COMMENT_BYTES);
  const tailStart = file.size - tailBytes;
  const tail = new DataView(file.read(tailStart, tailBytes).buffer);
  let at = tailBytes - END_BYTES;
  while (at >= 0 && tail.getUint32(at, true) !== END) at--;
  if (at < 0) throw broken(file, "the directory at its end is missing; it may be truncated");
  const locator = tailStart + at - LOCATOR_BYTES;
  const zip64 = locator >= 0 && new DataView(file.read(locator, LOCATOR_BYTES).buffer);
  if (!zip64 || zip64.getUint32(0, true) !== ZIP64_LOCATOR) {
    return { length: tail.getUint32(at + 12, true), offset: tail.getUint32(at + 16, true) };
  }
  const record = new DataView(file.read(uint64(file, zip64, 8), 56).buffer);
  if (record.getUint32(0, true) !== ZIP64_END) throw broken(file, "its zip64 end is missing");
  return { length: uint64(file, record, 40), offset: uint64(file, record, 48) };
}

/**
 * Reads size, stored size and offset of the local header; where a field overflows, from the extra
 * field.
 */
function sizes(file: RandomAccessFile, view: DataView, at: number, extra: DataView): number[] {
  const values = [24, 20, 42].map((field) => view.getUint32(at + field, true));
  if (!values.includes(IN_ZIP64)) return values;
  for (let i = 0; i + 4 <= extra.byteLength;) {
    const end = i + 4 + extra.getUint16(i + 2, true);
    if (extra.getUint16(i, true) === 1 && end <= extra.byteLength) {
      let next = i + 4;
      return values.map((value) => {
        if (value !== IN_ZIP64) return value;
        if (next + 8 > end) throw broken(file, "a zip64 size is missing");
        return uint64(file, extra, (next += 8) - 8);
      });
    }
    i = end;
  }
  return values;
}

/**
 * Finds an entry's data after its local header, whose name and extra field may differ from the
 * directory's.
 */
function dataOffset(
  file: RandomAccessFile,
  name: string,
  headerOffset: number,
  byteLength: number,
): number {
  const header = new DataView(file.read(headerOffset, 30).buffer);
  if (header.getUint32(0, true) !== LOCAL_HEADER) {
    throw broken(file, `entry "${name}" is not where its directory says`);
  }
  const offset = headerOffset + 30 + header.getUint16(26, true) + header.getUint16(28, true);
  if (offset + byteLength > file.size) throw broken(file, `entry "${name}" reaches beyond its end`);
  return offset;
}

function uint64(file: RandomAccessFile, view: DataView, at: number): number {
  const value = Number(view.getBigUint64(at, true));
  if (value > file.size) throw broken(file, `it points to byte ${value}, beyond its end`);
  return value;
}

function broken(file: RandomAccessFile, what: string): UserError {
  return new UserError(`${file.path} is not a readable zip file: ${what}`);
}
