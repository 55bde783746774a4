/**
 * Value of a field: a varint, the four or eight bytes of a fixed number, or the bytes of the rest.
 */
export type ProtobufValue = number | Uint8Array<ArrayBuffer>;

/**
 * Yields the fields of a protobuf message in their order, by number
 * (https://protobuf.dev/programming-guides/encoding).
 *
 * @throws Error when the bytes are not a message.
 */
export function* parseProtobuf(bytes: Uint8Array): Generator<[field: number, ProtobufValue]> {
  let at = 0;
  const varint = (): number => {
    // Multiplied, not shifted: a varint may have 64 bits.
    let value = 0;
    for (let scale = 1; scale <= 2 ** 63; scale *= 128) {
      if (at >= bytes.length) throw new Error("it ends within a number");
      const byte = bytes[at++];
      value += (byte & 127) * scale;
      if (byte < 128) return value;
    }
    throw new Error(`a number before byte ${at} is too long`);
  };
  const take = (length: number): Uint8Array<ArrayBuffer> => {
    if (at + length > bytes.length) throw new Error(`a field at byte ${at} is cut`);
    at += length;
    return bytes.slice(at - length, at);
  };
  while (at < bytes.length) {
    const tag = varint();
    const field = Math.floor(tag / 8);
    switch (tag % 8) {
      case 0:
        yield [field, varint()];
        break;
      case 1:
        yield [field, take(8)];
        break;
      case 2:
        yield [field, take(varint())];
        break;
      case 5:
        yield [field, take(4)];
        break;
      default:
        throw new Error(`field ${field} before byte ${at} has no known type`);
    }
  }
}

/**
 * Returns a varint field's value: an enum, or an integer that is not negative.
 *
 * @throws Error for other fields.
 */
export function uintOf(value: ProtobufValue | undefined): number {
  if (typeof value !== "number") throw new Error("a number is missing");
  return value;
}

/** Returns a float field's value. @throws Error for other fields. */
export function floatOf(value: ProtobufValue | undefined): number {
  const bytes = bytesOf(value);
  if (bytes.length !== 4) throw new Error("a float is missing");
  return new DataView(bytes.buffer).getFloat32(0, true);
}

/** Returns the bytes of a bytes field or an embedded message. @throws Error for other fields. */
export function bytesOf(value: ProtobufValue | undefined): Uint8Array<ArrayBuffer> {
  if (!(value instanceof Uint8Array)) throw new Error("bytes are missing");
  return value;
}

/** Returns a string field's value. @throws Error for other fields, and for what is not UTF-8. */
export function textOf(value: ProtobufValue | undefined): string {
  return new TextDecoder("utf-8", { fatal: true, ignoreBOM: true }).decode(bytesOf(value));
}
