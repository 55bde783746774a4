import assert from "node:assert/strict";
import { StreamedText } from "../../lib/generation/streamed_text.ts";

/** Tokens that are bytes; 256 is a special token. */
const bytes = {
  decode: (ids: readonly number[]) =>
    new TextDecoder().decode(Uint8Array.from(ids.filter((id) => id < 256))),
};

/** The pieces that a text comes in, a byte at a time, and what is left at the end. */
function stream(text: string, stops: readonly string[] = []): string[] {
  const streamed = new StreamedText(bytes, stops);
  const pieces = Array.from(new TextEncoder().encode(text), (byte) => streamed.push([byte]));
  return [...pieces, streamed.end()];
}

Deno.test("a response's text comes piece by piece; a letter of several bytes comes when it is whole", () => {
  assert.deepEqual(stream("aé€b"), ["a", "", "é", "", "", "€", "b", ""]);
  const streamed = new StreamedText(bytes);
  assert.equal(streamed.push([0x61, 256, 0x62]), "ab");
  assert.equal(streamed.push([0xc3]), "");
  assert.equal(streamed.end(), "\ufffd", "an end within a letter is shown as such");
});

Deno.test("a stop string ends the text before it, and its beginnings are held back", () => {
  assert.deepEqual(stream("a\nUb", ["\nUser:"]), ["a", "", "", "\nUb", ""]);
  const pieces = stream("ab\nUser: c", ["\nUser:", "xyz"]);
  assert.equal(pieces.join(""), "ab");
  const streamed = new StreamedText(bytes, ["."]);
  streamed.push([...new TextEncoder().encode("one. two.")]);
  assert.deepEqual([streamed.text, streamed.stopped], ["one", true]);
  assert.equal(streamed.push([0x61]), "");
});

Deno.test("a stop string's beginning is held back while its next letter is incomplete", () => {
  assert.deepEqual(stream("a<é>", ["<é>", "é!"]), ["a", "", "", "", "", ""]);
  assert.deepEqual(stream("a<è", ["<é>"]), ["a", "", "", "<è", ""]);
});

Deno.test("what was held back comes at the end when it was no stop string", () => {
  assert.deepEqual(stream("a.", ["..", ".!"]), ["a", "", "."]);
});
