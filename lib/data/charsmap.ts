/** Bits of a unit that have its label: a byte, and the mark of a value. */
const LABEL = 0x800000ff;

/**
 * Rules by which SentencePiece normalizes a text, compiled into a model as `precompiled_charsmap`: a
 * double-array trie of UTF-8 (Darts-clone), whose values are places in a list of replacements that end
 * with a zero byte (src/normalizer.cc of google/sentencepiece).
 */
export class Charsmap {
  readonly #units: Uint32Array;
  readonly #replacements: Uint8Array;

  /** Takes the rules as tokenizer.json has them. @throws {Error} when they are broken */
  constructor(base64: unknown) {
    const bytes = decode(base64);
    const trieBytes = bytes.length < 4 ? 0 : new DataView(bytes.buffer).getUint32(0, true);
    if (trieBytes < 4 || trieBytes % 4 > 0 || trieBytes > bytes.length - 4) {
      throw new Error(
        `the trie of its precompiled_charsmap has ${trieBytes} bytes of ${bytes.length}`,
      );
    }
    this.#units = new Uint32Array(bytes.slice(4, 4 + trieBytes).buffer);
    this.#replacements = bytes.subarray(4 + trieBytes);
  }

  /** Number of characters of the longest replacement. */
  get longestReplacement(): number {
    return new TextDecoder().decode(this.#replacements).split("\0")
      .reduce((longest, { length }) => Math.max(longest, length), 0);
  }

  /** Replaces the longest known text at each place, from the left. @throws {Error} when rules are broken */
  normalize(text: string): string {
    const bytes = new TextEncoder().encode(text);
    const normalized: number[] = [];
    for (let at = 0; at < bytes.length;) {
      const found = this.#longest(bytes, at);
      if (found === null) {
        // The other bytes of the character begin no text.
        normalized.push(bytes[at++]);
        continue;
      }
      const { length, place } = found;
      const end = this.#replacements.indexOf(0, place);
      if (end < 0) throw new Error("its precompiled_charsmap has a replacement without an end");
      for (let i = place; i < end; i++) normalized.push(this.#replacements[i]);
      at += length;
    }
    return new TextDecoder("utf-8", { fatal: true, ignoreBOM: true }).decode(
      Uint8Array.from(normalized),
    );
  }

  /** Finds the longest text of the trie that begins here: its length, and its replacement's place. */
  #longest(bytes: Uint8Array, start: number): { length: number; place: number } | null {
    const units = this.#units;
    let found: { length: number; place: number } | null = null;
    let node = offsetOf(units[0]);
    for (let i = start; i < bytes.length && bytes[i] !== 0; i++) {
      node ^= bytes[i];
      const unit = units[node];
      // Beyond the array there is none.
      if (unit === undefined || (unit & LABEL) >>> 0 !== bytes[i]) break;
      node ^= offsetOf(unit);
      if (unit >>> 8 & 1) found = { length: i + 1 - start, place: units[node] & 0x7fffffff };
    }
    return found;
  }
}

/** Distance from a unit to its children. */
function offsetOf(unit: number): number {
  return (unit >>> 10) << ((unit & 0x200) >>> 6);
}

function decode(base64: unknown): Uint8Array<ArrayBuffer> {
  try {
    if (typeof base64 === "string") return Uint8Array.from(atob(base64), (c) => c.charCodeAt(0));
  } catch {
    // The error says no more.
  }
  throw new Error("its precompiled_charsmap is not Base64");
}
