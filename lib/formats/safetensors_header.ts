import { UserError } from "../errors.ts";
import { shortJson } from "../visible_text.ts";
import { ELEMENT_BYTES, type FileDType } from "./dtype.ts";
import { tensorBytes, type TensorInfo } from "./tensor_file.ts";

/** Entry of a tensor in the header. */
export interface SafetensorsInfo extends TensorInfo {
  /** Offset of the elements in the file. */
  byteOffset: number;
  /** Bytes of all elements. */
  byteLength: number;
}

/**
 * Parses and validates a safetensors header by the format's rules: no name occurs twice, and the
 * tensors' bytes follow one another without a hole or an overlap and end with the file.
 *
 * @param path of the file, for messages.
 * @param header the JSON text, without the 8 bytes of its length.
 * @param fileSize in bytes.
 * @throws UserError naming the file, and the tensor where one is at fault.
 */
export function parseHeader(
  path: string,
  header: Uint8Array,
  fileSize: number,
): Map<string, SafetensorsInfo> {
  const entries = parseObject(path, header);
  const dataStart = 8 + header.length;
  const tensors: SafetensorsInfo[] = [];
  for (const [name, entry] of entries) {
    if (name === "__metadata__") checkMetadata(path, entry);
    else tensors.push(parseTensor(path, name, entry, dataStart));
  }
  tensors.sort((a, b) => a.byteOffset - b.byteOffset || a.byteLength - b.byteLength);

  let end = dataStart;
  for (const { name, byteOffset, byteLength } of tensors) {
    if (byteOffset + byteLength > fileSize) {
      throw new UserError(
        `${path} is truncated: tensor "${name}" ends at byte ${
          byteOffset + byteLength
        }, the file has ${fileSize}; copy or download it again`,
      );
    }
    if (byteOffset !== end) {
      throw invalid(
        path,
        name,
        byteOffset < end
          ? "shares bytes with another tensor"
          : `starts ${byteOffset - end} bytes after the tensor before it ends`,
      );
    }
    end += byteLength;
  }
  if (end !== fileSize) {
    throw new UserError(
      `${path} is broken: its tensors end at byte ${end}, the file has ${fileSize}`,
    );
  }
  return new Map(tensors.map((tensor) => [tensor.name, tensor]));
}

function parseObject(path: string, header: Uint8Array): [string, unknown][] {
  let value: unknown;
  try {
    value = JSON.parse(new TextDecoder("utf-8", { fatal: true, ignoreBOM: true }).decode(header));
  } catch (error) {
    throw new UserError(
      `${path} is not a safetensors file: its header is not JSON (${(error as Error).message})`,
      { cause: error },
    );
  }
  if (!isObject(value)) {
    throw new UserError(`${path} is not a safetensors file: its header is not a JSON object`);
  }
  refuseDuplicates(path, header);
  return Object.entries(value);
}

const [QUOTE, BACKSLASH, COLON, OPEN, CLOSE] = Array.from('"\\:{}', (sign) => sign.charCodeAt(0));

/**
 * Refuses an object that has a name twice, which the format forbids: JSON keeps the last one, and
 * another reader may keep the first.
 *
 * @param header valid JSON
 */
function refuseDuplicates(path: string, header: Uint8Array): void {
  const objects: Set<string>[] = [];
  let text = header;
  for (let at = 0; at < header.length; at++) {
    switch (header[at]) {
      case QUOTE: {
        const start = at++;
        while (header[at] !== QUOTE) at += header[at] === BACKSLASH ? 2 : 1;
        text = header.subarray(start, at + 1);
        break;
      }
      case OPEN:
        objects.push(new Set());
        break;
      case CLOSE:
        objects.pop();
        break;
      case COLON: {
        // The same name may be written with other escapes.
        const name: string = JSON.parse(new TextDecoder().decode(text));
        const names = objects[objects.length - 1];
        if (names.has(name)) {
          throw new UserError(
            `${path} is broken: its header has ${
              JSON.stringify(name)
            } twice, and readers differ in ` +
              "which one they take",
          );
        }
        names.add(name);
      }
    }
  }
}

/** Checks the free-form entry, a map of texts by the format. */
function checkMetadata(path: string, metadata: unknown): void {
  if (isObject(metadata) && Object.values(metadata).every((text) => typeof text === "string")) {
    return;
  }
  throw new UserError(
    `${path} is broken: its \`__metadata__\` is ${shortJson(metadata)}, expected texts by name`,
  );
}

function parseTensor(
  path: string,
  name: string,
  entry: unknown,
  dataStart: number,
): SafetensorsInfo {
  if (!isObject(entry)) {
    throw invalid(path, name, `is described by ${shortJson(entry)}, not by an object`);
  }
  const { dtype, shape, data_offsets: offsets } = entry;
  if (typeof dtype !== "string" || !Object.hasOwn(ELEMENT_BYTES, dtype)) {
    throw invalid(
      path,
      name,
      `has dtype ${shortJson(dtype)}, known are ${Object.keys(ELEMENT_BYTES).join(", ")}`,
    );
  }
  if (!isSizes(shape)) throw invalid(path, name, `has shape ${shortJson(shape)}`);
  if (!isSizes(offsets) || offsets.length !== 2 || offsets[0] > offsets[1]) {
    throw invalid(path, name, `has data_offsets ${shortJson(offsets)}`);
  }
  const known = dtype as FileDType;
  const byteLength = offsets[1] - offsets[0];
  const needed = tensorBytes({ dtype: known, shape });
  if (needed !== byteLength) {
    throw invalid(
      path,
      name,
      `takes ${needed} bytes by its shape ${
        shortJson(shape)
      } of ${known}, but ${byteLength} by its offsets`,
    );
  }
  return { name, dtype: known, shape, byteOffset: dataStart + offsets[0], byteLength };
}

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

function isSizes(value: unknown): value is number[] {
  return Array.isArray(value) && value.every((size) => Number.isSafeInteger(size) && size >= 0);
}

function invalid(path: string, name: string, what: string): UserError {
  return new UserError(`${path} is broken: tensor ${JSON.stringify(name)} ${what}`);
}
