/**
 * Seeded pseudo-random numbers on the host: xoshiro128** (Blackman and Vigna 2018, "Scrambled
 * linear pseudorandom number generators"), its state filled from the seed by splitmix32. Sampling
 * of tokens does not use it: that generator is counter-based and runs on the device.
 */
export class Random {
  readonly #state = new Uint32Array(4);

  /** Starts a sequence from the low 32 bits of an integer. */
  constructor(seed: number) {
    for (let i = 0; i < 4; i++) {
      seed = (seed + 0x9e3779b9) | 0;
      let z = seed;
      z = Math.imul(z ^ (z >>> 16), 0x21f0aaad);
      z = Math.imul(z ^ (z >>> 15), 0x735a2d97);
      this.#state[i] = z ^ (z >>> 15);
    }
  }

  /** Four 32-bit words from which the same sequence goes on: a resumed run sets them again. */
  get state(): number[] {
    return [...this.#state];
  }

  set state(words: readonly number[]) {
    this.#state.set(words);
  }

  /** Returns another that goes on with the same sequence. */
  copy(): Random {
    const copy = new Random(0);
    copy.state = this.state;
    return copy;
  }

  /** Draws 32 random bits, as an unsigned integer. */
  uint32(): number {
    const s = this.#state;
    const scrambled = Math.imul(rotateLeft(Math.imul(s[1], 5), 7), 9) >>> 0;
    const t = s[1] << 9;
    s[2] ^= s[0];
    s[3] ^= s[1];
    s[1] ^= s[2];
    s[0] ^= s[3];
    s[2] ^= t;
    s[3] = rotateLeft(s[3], 11);
    return scrambled;
  }

  /** Draws a number uniform in [0, 1), in steps of 2⁻³². */
  uniform(): number {
    return this.uint32() / 2 ** 32;
  }

  /** Draws a uniform integer in [low, high). */
  integer(low: number, high: number): number {
    return low + Math.floor(this.uniform() * (high - low));
  }

  /** Shuffles in place (Fisher and Yates), every order equally likely; returns the same array. */
  shuffle<T>(items: T[]): T[] {
    for (let i = items.length - 1; i > 0; i--) {
      const j = this.integer(0, i + 1);
      [items[i], items[j]] = [items[j], items[i]];
    }
    return items;
  }
}

function rotateLeft(x: number, k: number): number {
  return (x << k) | (x >>> (32 - k));
}
