/** Speed of decoding apart from reading the prompts, which take the same time for one token and for many. */
export interface DecodingTime {
  /** Seconds of reading the prompts and drawing one token for each row. */
  readonly first: number;
  /** Seconds of each further step, a token for each row. */
  readonly step: number;
}

/**
 * Times decoding, best of `repeats`.
 *
 * @param generate draws this number of tokens for each row
 * @param newTokens number of tokens to time, at least 2
 */
export async function timeDecoding(
  generate: (newTokens: number) => Promise<unknown>,
  newTokens: number,
  repeats: number,
): Promise<DecodingTime> {
  const time = async (count: number) => {
    let best = Infinity;
    for (let i = 0; i < repeats; i++) {
      const start = performance.now();
      await generate(count);
      best = Math.min(best, (performance.now() - start) / 1000);
    }
    return best;
  };
  const first = await time(1);
  return { first, step: (await time(newTokens) - first) / (newTokens - 1) };
}
