import assert from "node:assert/strict";
import { join } from "node:path";
import { Charsmap } from "../../lib/data/charsmap.ts";
import { DirectEngine } from "../../lib/data/token_engine.ts";
import type { JsonObject } from "../../lib/formats/hf_config.ts";
import { demoModelDir } from "../demo_model.ts";

const T5: JsonObject = JSON.parse(Deno.readTextFileSync(join(demoModelDir, "tokenizer.json")));
const RULES = T5.normalizer as { precompiled_charsmap: string };

/** Rules that replace "A": a root with one child, whose value is in the unit behind it. */
function rulesForA(replacements: string): string {
  const units = new Uint32Array(67);
  units[0x41] = 0x41 | 1 << 8 | (0x41 ^ 66) << 10;
  units[66] = 1 << 31;
  const text = new TextEncoder().encode(replacements);
  const bytes = new Uint8Array(4 + units.byteLength + text.length);
  new DataView(bytes.buffer).setUint32(0, units.byteLength, true);
  bytes.set(new Uint8Array(units.buffer), 4);
  bytes.set(text, 4 + units.byteLength);
  return bytes.toBase64();
}

Deno.test("T5's rules: NFKC, white space, and controls as nmt_nfkc has them", () => {
  const rules = new Charsmap(RULES.precompiled_charsmap);
  const pairs = [
    ["How are you? No.", "How are you? No."],
    ["ﬁne ①②½", "fine 121⁄2"],
    ["a\u3000b\u00a0c\td\ne", "a b c d e"],
    ["\x01\x7fa", "a"],
    ["e\u0301", "é"],
    ["～", "～"],
    // The joiner of an emoji is no white space.
    ["👨\u200d👩", "👨\u200d👩"],
    ["", ""],
  ];
  for (const [text, normalized] of pairs) {
    assert.equal(rules.normalize(text), normalized, text);
  }
  assert.equal(rules.longestReplacement, 18);
});

Deno.test("the rules of the file count, not those of T5", () => {
  const rules = new Charsmap(rulesForA("ab\0"));
  assert.equal(rules.normalize("BAA é"), "Babab é");
  const encode = (charsmap: string) =>
    new DirectEngine({
      ...T5,
      normalizer: { type: "Precompiled", precompiled_charsmap: charsmap },
    }, {}).encode("ﬁ A", false);
  const { precompiled_charsmap: own } = RULES;
  assert.deepEqual(encode(own), new DirectEngine(T5, {}).encode("fi A", false));
  assert.deepEqual(encode(rulesForA("a\0")).at(-1), new DirectEngine(T5, {}).encode("a", false)[0]);
});

Deno.test("broken rules are refused", () => {
  const refused = (base64: unknown, message: RegExp) =>
    assert.throws(() => new Charsmap(base64).normalize("A"), message);
  refused(null, /its precompiled_charsmap is not Base64/);
  refused("?", /its precompiled_charsmap is not Base64/);
  refused("AAAA", /the trie of its precompiled_charsmap has 0 bytes of 3/);
  refused("/////w==", /the trie of its precompiled_charsmap has 4294967295 bytes of 4/);
  refused(rulesForA("a"), /has a replacement without an end/);
  refused(rulesForA(""), /has a replacement without an end/);
});
