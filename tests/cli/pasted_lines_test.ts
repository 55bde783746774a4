import assert from "node:assert/strict";
import { PastedLines, withLineBreaks } from "../../lib/cli/pasted_lines.ts";

const bytes = (text: string) => new TextEncoder().encode(text);
const text = (...parts: Uint8Array[]) =>
  new TextDecoder().decode(Uint8Array.from(parts.flatMap((part) => [...part])));

Deno.test("line breaks of pasted text end no line; those that are typed do", () => {
  const input = new PastedLines();
  const shown = text(input.filter(bytes("a\r\x1b[200~één\r\ntwo\nthree\r\x1b[201~b\r\x1b[A")));
  assert.equal(shown, "a\réén␊two␊three␊b\r\x1b[A");
  assert.equal(withLineBreaks("één␊two"), "één\ntwo");
});

Deno.test("marks and letters may come in pieces; a lone Escape is a key", () => {
  const whole = bytes("x\x1b[200~é\nb\x1b[201~\ny");
  const input = new PastedLines();
  // Terminals send a mark at once, or at least more of it than an Escape.
  const pieces = [whole.slice(0, 3), ...Array.from(whole.slice(3), (byte) => Uint8Array.of(byte))];
  const parts = pieces.map((piece) => input.filter(piece));
  assert.equal(text(...parts), "xé␊b\ny");
  assert.equal(text(new PastedLines().filter(bytes("\x1b"))), "\x1b");
});
