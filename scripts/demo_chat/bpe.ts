/** Makes the tokenizer of the demo's chat model: byte-level BPE with single digits, as SmolLM2's. */

/** Words as GPT-2 divides a text, which the ByteLevel pre-tokenizer does. */
const WORDS = /'s|'t|'re|'ve|'m|'ll|'d| ?\p{L}+| ?\p{N}+| ?[^\s\p{L}\p{N}]+|\s+(?!\S)|\s+/gu;

/** Separates digits from everything, as the Digits pre-tokenizer does. */
const DIGITS = /\p{N}|\P{N}+/gu;

/**
 * Characters that stand for the 256 bytes, in the order of the bytes: the printable ones stand for
 * themselves, the others follow from U+0100 on (GPT-2's `bytes_to_unicode`).
 */
export function byteCharacters(): string[] {
  const printable = (byte: number) =>
    (byte >= 0x21 && byte <= 0x7e) || (byte >= 0xa1 && byte <= 0xac) || byte >= 0xae;
  let next = 0x100;
  return Array.from(
    { length: 256 },
    (_, byte) => String.fromCharCode(printable(byte) ? byte : next++),
  );
}

/** A pair of symbols that becomes one. */
export type Merge = readonly [left: string, right: string];

/**
 * Learns merges of byte-level BPE (Sennrich et al. 2016): again and again the most frequent pair of
 * neighbours, among equals the one that comes first in the order of code points.
 *
 * @param count maximum number of merges; fewer where no pair occurs twice
 */
export function learnMerges(texts: readonly string[], count: number): Merge[] {
  const words = countWords(texts);
  const merges: Merge[] = [];
  while (merges.length < count) {
    const pairs = new Map<string, number>();
    for (const { symbols, occurrences } of words) {
      for (let i = 1; i < symbols.length; i++) {
        const pair = `${symbols[i - 1]} ${symbols[i]}`;
        pairs.set(pair, (pairs.get(pair) ?? 0) + occurrences);
      }
    }
    let best: [pair: string, occurrences: number] = ["", 1];
    for (const [pair, occurrences] of pairs) {
      if (occurrences > best[1] || (occurrences === best[1] && pair < best[0])) {
        best = [pair, occurrences];
      }
    }
    if (best[0] === "") break;
    const [left, right] = best[0].split(" ");
    merges.push([left, right]);
    for (const word of words) word.symbols = merge(word.symbols, left, right);
  }
  return merges;
}

interface Word {
  symbols: string[];
  occurrences: number;
}

function countWords(texts: readonly string[]): Word[] {
  const characters = byteCharacters();
  const encoder = new TextEncoder();
  const counts = new Map<string, number>();
  for (const text of texts) {
    for (const [part] of text.matchAll(DIGITS)) {
      for (const [word] of part.matchAll(WORDS)) counts.set(word, (counts.get(word) ?? 0) + 1);
    }
  }
  return [...counts].map(([word, occurrences]) => ({
    symbols: Array.from(encoder.encode(word), (byte) => characters[byte]),
    occurrences,
  }));
}

function merge(symbols: readonly string[], left: string, right: string): string[] {
  const merged: string[] = [];
  for (let i = 0; i < symbols.length; i++) {
    const joins = symbols[i] === left && symbols[i + 1] === right;
    merged.push(joins ? left + right : symbols[i]);
    if (joins) i++;
  }
  return merged;
}
