/** Character of a byte sequence that is not, or not yet, a letter. */
const INCOMPLETE = "\ufffd";

/** Text of a response while its tokens come. */
export class StreamedText {
  readonly #tokens: number[] = [];
  /** Text up to the stop string, where there is one. */
  #text = "";
  #shown = 0;
  #stopped = false;

  /**
   * Begins with no tokens.
   *
   * @param tokenizer decoder of the tokens; special tokens have no text
   * @param stops texts that end the response, and do not belong to it
   */
  constructor(
    private readonly tokenizer: {
      decode(ids: readonly number[], options: { skipSpecialTokens: boolean }): string;
    },
    private readonly stops: readonly string[] = [],
  ) {}

  /** Text so far, without the stop string. */
  get text(): string {
    return this.#text;
  }

  /** True once a stop string has come. */
  get stopped(): boolean {
    return this.#stopped;
  }

  /**
   * Adds tokens.
   *
   * @returns text that is certain now: letters of several tokens, and what may be the beginning of a
   *   stop string, wait for what follows
   */
  push(tokens: readonly number[]): string {
    if (this.#stopped) return "";
    this.#tokens.push(...tokens);
    const text = this.tokenizer.decode(this.#tokens, { skipSpecialTokens: true });
    const found = this.stops.map((stop) => text.indexOf(stop)).filter((at) => at >= 0);
    this.#stopped = found.length > 0;
    this.#text = this.#stopped ? text.slice(0, Math.min(...found)) : text;
    return this.#show(this.#stopped ? this.#text.length : this.#certain());
  }

  /** Ends the response. @returns the text that was waiting */
  end(): string {
    return this.#show(this.#text.length);
  }

  #show(end: number): string {
    const added = this.#text.slice(this.#shown, end);
    this.#shown = Math.max(this.#shown, end);
    return added;
  }

  /** Length of the text that no further token changes. */
  #certain(): number {
    let end = this.#text.length;
    while (this.#text[end - 1] === INCOMPLETE) end--;
    const whole = this.#text.slice(0, end);
    const beginnings = this.stops.map((stop) => {
      const first = Math.max(0, whole.length - stop.length + 1);
      for (let start = first; start < whole.length; start++) {
        if (stop.startsWith(whole.slice(start))) return start;
      }
      return whole.length;
    });
    return Math.min(end, ...beginnings);
  }
}
