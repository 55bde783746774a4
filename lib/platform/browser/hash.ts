import { BlockHash, rotate } from "./block_hash.ts";

/** First 32 bits of the fractional parts of the cube roots of the first 64 primes. */
const K = fractions(64, Math.cbrt);
/** The same of the square roots of the first 8. */
const START = fractions(8, Math.sqrt);

/** SHA-256 (FIPS 180-4) of data that arrives in pieces; texts count as their UTF-8. */
export class Sha256 extends BlockHash {
  readonly #words = new Int32Array(64);

  /** Starts with no data. */
  constructor() {
    super(Int32Array.from(START));
  }

  protected override block(state: Int32Array, data: DataView, offset: number): void {
    const w = this.#words;
    for (let i = 0; i < 16; i++) w[i] = data.getInt32(offset + 4 * i);
    for (let i = 16; i < 64; i++) {
      const early = w[i - 15];
      const late = w[i - 2];
      const s0 = rotate(early, 25) ^ rotate(early, 14) ^ early >>> 3;
      const s1 = rotate(late, 15) ^ rotate(late, 13) ^ late >>> 10;
      w[i] = (w[i - 16] + s0 | 0) + (w[i - 7] + s1 | 0) | 0;
    }
    let a = state[0];
    let b = state[1];
    let c = state[2];
    let d = state[3];
    let e = state[4];
    let f = state[5];
    let g = state[6];
    let h = state[7];
    for (let i = 0; i < 64; i++) {
      const s1 = rotate(e, 26) ^ rotate(e, 21) ^ rotate(e, 7);
      const t1 = (h + s1 | 0) + ((e & f ^ ~e & g) + (K[i] + w[i] | 0) | 0) | 0;
      const s0 = rotate(a, 30) ^ rotate(a, 19) ^ rotate(a, 10);
      const t2 = s0 + (a & b ^ a & c ^ b & c) | 0;
      h = g;
      g = f;
      f = e;
      e = d + t1 | 0;
      d = c;
      c = b;
      b = a;
      a = t1 + t2 | 0;
    }
    state[0] += a;
    state[1] += b;
    state[2] += c;
    state[3] += d;
    state[4] += e;
    state[5] += f;
    state[6] += g;
    state[7] += h;
  }
}

/** SHA-1 (FIPS 180-4), by which Git knows its files. */
export class Sha1 extends BlockHash {
  readonly #words = new Int32Array(80);

  /** Starts with no data. */
  constructor() {
    super(Int32Array.of(0x67452301, 0xefcdab89, 0x98badcfe, 0x10325476, 0xc3d2e1f0));
  }

  protected override block(state: Int32Array, data: DataView, offset: number): void {
    const w = this.#words;
    for (let i = 0; i < 16; i++) w[i] = data.getInt32(offset + 4 * i);
    for (let i = 16; i < 80; i++) w[i] = rotate(w[i - 3] ^ w[i - 8] ^ w[i - 14] ^ w[i - 16], 1);
    let a = state[0];
    let b = state[1];
    let c = state[2];
    let d = state[3];
    let e = state[4];
    for (let i = 0; i < 80; i++) {
      let mix: number;
      if (i < 20) mix = (b & c | ~b & d) + 0x5a827999;
      else if (i < 40) mix = (b ^ c ^ d) + 0x6ed9eba1;
      else if (i < 60) mix = (b & c | b & d | c & d) + 0x8f1bbcdc;
      else mix = (b ^ c ^ d) + 0xca62c1d6;
      const next = rotate(a, 5) + mix + e + w[i] | 0;
      e = d;
      d = c;
      c = rotate(b, 30);
      b = a;
      a = next;
    }
    state[0] += a;
    state[1] += b;
    state[2] += c;
    state[3] += d;
    state[4] += e;
  }
}

const CRC = Int32Array.from({ length: 256 }, (_, byte) => {
  let crc = byte;
  for (let bit = 0; bit < 8; bit++) crc = crc >>> 1 ^ (crc & 1 ? 0xedb88320 : 0);
  return crc;
});

/** CRC-32 (ISO 3309) of bytes, or of what follows the bytes that `start` is the CRC of. */
export function crc32(data: Uint8Array, start = 0): number {
  let crc = ~start;
  for (const byte of data) crc = CRC[(crc ^ byte) & 0xff] ^ crc >>> 8;
  return ~crc >>> 0;
}

function fractions(count: number, root: (x: number) => number): Int32Array {
  const primes: number[] = [];
  for (let n = 2; primes.length < count; n++) {
    if (primes.every((prime) => n % prime !== 0)) primes.push(n);
  }
  return Int32Array.from(primes, (prime) => Math.floor(root(prime) % 1 * 2 ** 32));
}
