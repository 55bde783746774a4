/** Switches a terminal's bracketed paste on and off: xterm's mode 2004. */
export const BRACKETED_PASTE = { on: "\x1b[?2004h", off: "\x1b[?2004l" } as const;

/** Marks that a terminal then puts around what is pasted. */
const [BEGIN, END] = ["\x1b[200~", "\x1b[201~"];

/** Unicode's picture of a line feed, which stands for one in a line that is edited. */
const LINE_FEED_PICTURE = "␊";
const LINE_FEED_BYTES = String.fromCharCode(...new TextEncoder().encode(LINE_FEED_PICTURE));

/**
 * Filter of a terminal's input in front of a line editor: the line breaks of pasted text become
 * pictures, so that they end no line, and the marks around it disappear.
 */
export class PastedLines {
  #pasting = false;
  /** Beginning of a mark whose rest has not come. */
  #held = "";

  /** Filters bytes as they come; pieces of a mark are held back. */
  filter(bytes: Uint8Array): Uint8Array<ArrayBuffer> {
    // One character a byte: marks and line breaks are ASCII, and what is between them stays as it is.
    let text = this.#held;
    for (const byte of bytes) text += String.fromCharCode(byte);
    this.#held = "";
    let result = "";
    for (;;) {
      const mark = this.#pasting ? END : BEGIN;
      const at = text.indexOf(mark);
      if (at < 0) {
        // Escape alone is a key, but nobody presses one in what is pasted.
        const held = endsWithStartOf(text, mark, this.#pasting ? 1 : 2);
        this.#held = text.slice(text.length - held);
        result += this.#shown(text.slice(0, text.length - held));
        return Uint8Array.from(result, (character) => character.charCodeAt(0));
      }
      result += this.#shown(text.slice(0, at));
      text = text.slice(at + mark.length);
      this.#pasting = !this.#pasting;
    }
  }

  #shown(text: string): string {
    return this.#pasting ? text.replace(/\r\n?|\n/g, LINE_FEED_BYTES) : text;
  }
}

/** A line of the editor as it was pasted and typed. */
export function withLineBreaks(line: string): string {
  return line.replaceAll(LINE_FEED_PICTURE, "\n");
}

/** Number of characters at the end of a text that a mark begins with; 0 for fewer than `least`. */
function endsWithStartOf(text: string, mark: string, least: number): number {
  for (let count = Math.min(text.length, mark.length - 1); count >= least; count--) {
    if (text.endsWith(mark.slice(0, count))) return count;
  }
  return 0;
}
