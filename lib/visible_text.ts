/**
 * Characters that a terminal obeys in place of showing them: the controls (C0, DEL, C1), and the
 * embeddings, overrides and isolates of the bidirectional algorithm (Unicode UAX #9), which make a
 * text read other than it is.
 */
const CONTROLS = /[\p{Cc}\u202a-\u202e\u2066-\u2069]/gu;
/** First of Unicode's symbols for the controls: ␀ for U+0000. */
const SYMBOLS = 0x2400;

/**
 * Shows the control characters of a text that comes from outside: `␛` for an escape, `\u009b` where
 * Unicode has no symbol. Line breaks stay.
 */
export function visibleText(text: string): string {
  return text.replaceAll("\r\n", "\n").replaceAll(
    CONTROLS,
    (character) => character === "\n" ? character : symbolOf(character),
  );
}

/** Shows the control characters of a text as {@linkcode visibleText} does, and line breaks too. */
export function visibleLine(text: string): string {
  return text.replaceAll(CONTROLS, symbolOf);
}

/** The form with `\u` is also JSON's: a JSON text stays the same value. */
function symbolOf(character: string): string {
  const code = character.codePointAt(0)!;
  return code < 0x20
    ? String.fromCodePoint(SYMBOLS + code)
    : `\\u${code.toString(16).padStart(4, "0")}`;
}

/** Maximum number of characters of a value in a message. */
const MAX_VALUE = 80;

/** Writes a value of a file as JSON, cut to a length that fits a line; `missing` for none. */
export function shortJson(value: unknown): string {
  const text = JSON.stringify(value) ?? "missing";
  return text.length > MAX_VALUE ? `${text.slice(0, MAX_VALUE)}…` : text;
}
