import type { Span } from "../device.ts";

/** The data's bytes; padded to whole words, as WebGPU wants them, where they end the buffer. */
export function wholeWords(span: Span, data: ArrayBufferView): Uint8Array<ArrayBuffer> {
  const { byteLength } = span.buffer;
  if (span.byteOffset + data.byteLength > byteLength) {
    throw new RangeError(
      `${data.byteLength} bytes at ${span.byteOffset} of a buffer of ${byteLength}`,
    );
  }
  const bytes = new Uint8Array(data.buffer as ArrayBuffer, data.byteOffset, data.byteLength);
  if (bytes.length % 4 === 0) return bytes;
  if (span.byteOffset + bytes.length < byteLength) {
    throw new RangeError(`${bytes.length} bytes in the middle of a buffer are not whole words`);
  }
  const padded = new Uint8Array(Math.ceil(bytes.length / 4) * 4);
  padded.set(bytes);
  return padded;
}
