import { UserError } from "../errors.ts";
import { createFile, type WritableFile } from "../platform/files.ts";
import { ioReason } from "../platform/io_error.ts";

/**
 * TensorBoard event file that grows: TFRecords (a length, its masked CRC-32C, the data, its masked
 * CRC-32C) of `Event` messages
 * (https://github.com/tensorflow/tensorflow/blob/master/tensorflow/core/util/event.proto).
 */
export class EventFile implements Disposable {
  readonly #file: WritableFile;

  /**
   * Creates the file, in place of one that exists.
   *
   * @param path name of the file; TensorBoard looks for `tfevents` in it
   * @throws {UserError} naming the path and the reason
   */
  constructor(private readonly path: string) {
    try {
      this.#file = createFile(path);
    } catch (error) {
      throw this.#failure(error);
    }
    this.#append(encodeEvent(Date.now() / 1000, 0, [[3, utf8("brain.Event:2")]]));
  }

  /**
   * Appends the numbers of a step.
   *
   * @param time seconds since 1970
   * @throws {UserError} naming the path and the reason
   */
  appendScalars(step: number, time: number, scalars: Readonly<Record<string, number>>): void {
    const values = Object.entries(scalars).map(([tag, value]) => {
      const simple = new Uint8Array(4);
      new DataView(simple.buffer).setFloat32(0, value, true);
      return field(1, concat([field(1, utf8(tag)), Uint8Array.of(2 << 3 | 5), simple]));
    });
    this.#append(encodeEvent(time, step, [[5, concat(values)]]));
  }

  /** Closes the file. */
  [Symbol.dispose](): void {
    this.#file.close();
  }

  #append(data: Uint8Array): void {
    try {
      this.#file.write(encodeRecord(data));
    } catch (error) {
      throw this.#failure(error);
    }
  }

  #failure(error: unknown): UserError {
    return new UserError(`cannot write ${this.path}: ${ioReason(error)}`, { cause: error });
  }
}

/** Encodes a TFRecord. */
export function encodeRecord(data: Uint8Array): Uint8Array {
  const record = new Uint8Array(16 + data.length);
  const view = new DataView(record.buffer);
  view.setBigUint64(0, BigInt(data.length), true);
  view.setUint32(8, mask(crc32c(record.subarray(0, 8))), true);
  record.set(data, 12);
  view.setUint32(12 + data.length, mask(crc32c(data)), true);
  return record;
}

/** CRC-32C, Castagnoli's polynomial (RFC 3720, appendix B.4), reflected. */
export function crc32c(bytes: Uint8Array): number {
  let crc = ~0;
  for (const byte of bytes) crc = TABLE[(crc ^ byte) & 0xff] ^ (crc >>> 8);
  return ~crc >>> 0;
}

const TABLE = Int32Array.from({ length: 256 }, (_, byte) => {
  for (let bit = 0; bit < 8; bit++) byte = byte & 1 ? 0x82f63b78 ^ (byte >>> 1) : byte >>> 1;
  return byte;
});

/** Masks a checksum as TensorFlow does: data that contains a CRC would have a weak one. */
function mask(crc: number): number {
  return ((crc >>> 15 | crc << 17) + 0xa282ead8) >>> 0;
}

/** Encodes fields 1 (wall time) and 2 (step) of an `Event`, and others of bytes. */
function encodeEvent(
  time: number,
  step: number,
  fields: readonly (readonly [number: number, bytes: Uint8Array])[],
): Uint8Array {
  const wallTime = new Uint8Array(9);
  wallTime[0] = 1 << 3 | 1;
  new DataView(wallTime.buffer).setFloat64(1, time, true);
  return concat([
    wallTime,
    Uint8Array.of(2 << 3),
    varint(step),
    ...fields.map(([number, bytes]) => field(number, bytes)),
  ]);
}

/** Encodes a protobuf field of bytes. */
function field(number: number, bytes: Uint8Array): Uint8Array {
  return concat([Uint8Array.of(number << 3 | 2), varint(bytes.length), bytes]);
}

function varint(value: number): Uint8Array {
  const bytes: number[] = [];
  for (; value >= 0x80; value = Math.floor(value / 0x80)) bytes.push(value % 0x80 | 0x80);
  return Uint8Array.of(...bytes, value);
}

function concat(parts: readonly Uint8Array[]): Uint8Array {
  const whole = new Uint8Array(parts.reduce((sum, part) => sum + part.length, 0));
  let at = 0;
  for (const part of parts) {
    whole.set(part, at);
    at += part.length;
  }
  return whole;
}

function utf8(text: string): Uint8Array {
  return new TextEncoder().encode(text);
}
