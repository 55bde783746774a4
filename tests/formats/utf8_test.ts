import assert from "node:assert/strict";
import { decodeUtf8 } from "../../lib/formats/utf8.ts";

const bytes = (...parts: (string | number)[]) =>
  Uint8Array.from(
    parts.flatMap((part) =>
      typeof part === "number" ? [part] : [...new TextEncoder().encode(part)]
    ),
  );

Deno.test("UTF-8 is decoded, without its byte order mark", () => {
  assert.equal(decodeUtf8("a.csv", bytes("\uFEFFé\n🙂")), "é\n🙂");
  assert.equal(decodeUtf8("a.csv", bytes()), "");
});

const faults: [string, Uint8Array, string][] = [
  [
    "Latin-1",
    bytes("ü\nCaf", 0xe9, ",b\n"),
    "line 2 has the byte 0xE9, at 6 from its start",
  ],
  ["a stray byte", bytes("a", 0x80), "line 1 has the byte 0x80, at 1 from its start"],
  ["a cut file", bytes("a\nb", 0xe2, 0x82), "line 2 has the byte 0xE2, at 3 from its start"],
  ["UTF-16", bytes(0xff, 0xfe, "a", 0), "it is UTF-16"],
];
for (const [what, text, fault] of faults) {
  Deno.test(`${what} is refused, with where`, () => {
    assert.throws(() => decodeUtf8("a.csv", text), {
      name: "UserError",
      message: `a.csv is not UTF-8: ${fault}; save it as UTF-8`,
    });
  });
}

Deno.test("more text than fits into one is refused before it is decoded", () => {
  const large = { length: 600 * 2 ** 20 } as Uint8Array;
  assert.throws(() => decodeUtf8("a.jsonl", large), {
    name: "UserError",
    message:
      "a.jsonl has 600 MiB of text, at most 511 can be read at once: split it into several files",
  });
});
