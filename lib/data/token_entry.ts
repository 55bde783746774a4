import { UserError } from "../errors.ts";
import { SafetensorsFile, writeSafetensors } from "../formats/safetensors.ts";
import { Sha256 } from "../platform/hash.ts";

/** Length of a text that was not tokenized. */
const ABSENT = -1;

/** Tokens of some texts in an entry of the cache, in memory as one array. */
export class StoredTokens {
  readonly #starts: Float64Array;

  /** Takes an entry's arrays; {@linkcode readTokens} checks them. */
  constructor(
    private readonly lengths: Int32Array,
    private readonly flat: Int32Array | Uint16Array,
  ) {
    let start = 0;
    this.#starts = Float64Array.from(lengths, (length) => {
      const own = start;
      start += Math.max(length, 0);
      return own;
    });
  }

  /** Number of texts that have tokens here. */
  get count(): number {
    return this.lengths.reduce((count, length) => count + Number(length !== ABSENT), 0);
  }

  /** Returns the tokens of a text, undefined where the entry has none. */
  ids(index: number): number[] | undefined {
    const length = this.lengths[index];
    if (length === ABSENT) return undefined;
    const start = this.#starts[index];
    // A loop: Array.from takes thirty times as long.
    const ids = new Array<number>(length);
    for (let i = 0; i < length; i++) ids[i] = this.flat[start + i];
    return ids;
  }
}

/**
 * Reads an entry whole, and checks it.
 *
 * @param key key of the entry
 * @param count expected number of texts
 * @throws UserError when it cannot be read, or was not written under this key: its SHA-256 covers
 * the key and every number.
 */
export function readTokens(path: string, key: string, count: number): StoredTokens {
  using file = SafetensorsFile.open(path);
  const lengths = file.readInts("lengths");
  const ids = file.readBytes("ids");
  if (file.readBytes("sha256").toHex() !== checksum(key, lengths, ids).toHex()) {
    throw new UserError(`${path} is broken: its checksum is not that of what is in it`);
  }
  const wide = file.info("ids").dtype === "I32";
  const flat = wide ? new Int32Array(ids.buffer) : new Uint16Array(ids.buffer);
  const total = lengths.reduce((sum, length) => sum + Math.max(length, 0), 0);
  if (lengths.length !== count || total !== flat.length) {
    throw new UserError(
      `${path} is broken: it has ${lengths.length} texts of ${total} tokens, ` +
        `expected ${count} of ${flat.length}`,
    );
  }
  return new StoredTokens(lengths, flat);
}

/**
 * Writes an entry: a safetensors file with the lengths of the texts in tokens, their ids one after
 * another, and a SHA-256 of both and the key.
 *
 * @param ids the tokens of each text, undefined where it has none yet
 * @throws UserError when it cannot be written
 */
export async function writeTokens(
  path: string,
  key: string,
  ids: readonly (readonly number[] | undefined)[],
): Promise<void> {
  const lengths = Int32Array.from(ids, (own) => own?.length ?? ABSENT);
  const total = ids.reduce((sum, own) => sum + (own?.length ?? 0), 0);
  const narrow = ids.every((own) => own?.every((id) => id < 2 ** 16) ?? true);
  const flat = narrow ? new Uint16Array(total) : new Int32Array(total);
  let start = 0;
  for (const own of ids) {
    if (own === undefined) continue;
    flat.set(own, start);
    start += own.length;
  }
  await writeSafetensors(
    path,
    new Map([
      ["lengths", { dtype: "I32", shape: [lengths.length], data: lengths }],
      ["ids", { dtype: narrow ? "U16" : "I32", shape: [total], data: flat }],
      ["sha256", { dtype: "U8", shape: [32], data: checksum(key, lengths, flat) }],
    ]),
  );
}

function checksum(
  key: string,
  ...numbers: readonly ArrayBufferView[]
): Uint8Array<ArrayBuffer> {
  const hash = new Sha256().update(key);
  for (const { buffer, byteOffset, byteLength } of numbers) {
    hash.update(new Uint8Array(buffer, byteOffset, byteLength));
  }
  return hash.bytes();
}
