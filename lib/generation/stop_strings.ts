/** Decoder of tokens, as a tokenizer is. */
export interface TokenDecoder {
  /** Text of tokens. */
  decode(ids: readonly number[], options: { skipSpecialTokens: boolean }): string;
}

/** Tokens without text of their own, and such whose text is cut at the beginning, within a stop string. */
const MARGIN = 8;

/** Texts that end a response, as transformers' `stop_strings`. */
export class StopStrings {
  /** Number of tokens that have a stop string's text, when each has one byte or more. */
  readonly #tail: number;

  /** Takes the texts, and the decoder of the responses. */
  constructor(
    private readonly strings: readonly string[],
    private readonly decoder: TokenDecoder,
  ) {
    const bytes = strings.map((text) => new TextEncoder().encode(text).length);
    this.#tail = Math.max(...bytes) + MARGIN;
  }

  /**
   * Tells responses whose last token completes a stop string; its text may go on behind it. Special
   * tokens count with their text. Without the last token, the response has none.
   */
  completedBy(response: readonly number[]): boolean {
    const text = this.decoder.decode(response.slice(-this.#tail), { skipSpecialTokens: false });
    return this.strings.some((stop) => text.includes(stop));
  }
}
