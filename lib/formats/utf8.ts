import { UserError } from "../errors.ts";
import { MAX_TEXT_BYTES } from "../platform/files.ts";

/**
 * Decodes a text. One that is not UTF-8 is refused: lenient decoding would silently replace its letters.
 *
 * @param source path of the file, or another name for it, for messages
 * @param options.keepsMark keep a byte order mark as a character. Default false
 * @throws {UserError} naming the line and the byte, or when it is too large
 */
export function decodeUtf8(
  source: string,
  bytes: Uint8Array,
  { keepsMark = false }: { keepsMark?: boolean } = {},
): string {
  if (bytes.length > MAX_TEXT_BYTES) {
    throw new UserError(
      `${source} has ${Math.ceil(bytes.length / 2 ** 20)} MiB of text, ` +
        `at most ${
          Math.floor(MAX_TEXT_BYTES / 2 ** 20)
        } can be read at once: split it into several files`,
    );
  }
  try {
    return new TextDecoder("utf-8", { fatal: true, ignoreBOM: keepsMark }).decode(bytes);
  } catch (error) {
    throw new UserError(`${source} is not UTF-8: ${fault(bytes)}; save it as UTF-8`, {
      cause: error,
    });
  }
}

/** Place of the first byte at fault, in words. */
function fault(bytes: Uint8Array): string {
  const [first, second] = bytes;
  if (first === 0xff && second === 0xfe || first === 0xfe && second === 0xff) {
    return "it is UTF-16";
  }
  const index = faultIndex(bytes);
  const line = bytes.subarray(0, index).reduce((count, byte) => count + (byte === 0x0a ? 1 : 0), 1);
  const value = bytes[index].toString(16).toUpperCase().padStart(2, "0");
  return `line ${line} has the byte 0x${value}, at ${index} from its start`;
}

/** Index of the first byte that starts no character, or an incomplete one. */
function faultIndex(bytes: Uint8Array): number {
  // A line's end is never part of a longer character: only the faulty line is read byte by byte.
  let start = 0;
  for (let newline; (newline = bytes.indexOf(0x0a, start)) >= 0; start = newline + 1) {
    if (!isUtf8(bytes.subarray(start, newline + 1))) break;
  }
  const decoder = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });
  try {
    for (let index = start; index < bytes.length; index++) {
      const decoded = decoder.decode(bytes.subarray(index, index + 1), { stream: true });
      if (decoded !== "") start = index + 1;
    }
  } catch {
    // `start` is where the character began that this byte cannot be part of.
  }
  return start;
}

function isUtf8(bytes: Uint8Array): boolean {
  try {
    new TextDecoder("utf-8", { fatal: true }).decode(bytes);
    return true;
  } catch {
    return false;
  }
}
