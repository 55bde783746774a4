/** Tokens and texts as GPT2Tokenizer and Qwen2Tokenizer make them. */
import assert from "node:assert/strict";
import { join } from "node:path";
import { Tokenizer } from "../../lib/data/tokenizer.ts";
import { withTempDir } from "../temp_dir.ts";
import { goldenCausalDir, readCase, tokenizerNames } from "./folder.ts";

type TokenizerCase = { text: string } & Readonly<Record<string, unknown>>;

const cases = readCase<TokenizerCase[]>("tokenizers", "tokenizers.json");

function check(tokenizer: Tokenizer, name: string): void {
  for (const entry of cases) {
    const { ids, decoded, skip } = entry[name] as { ids: number[]; decoded: string; skip: string };
    assert.deepEqual(tokenizer.encode(entry.text), ids, entry.text);
    assert.equal(tokenizer.decode(ids), decoded);
    assert.equal(tokenizer.decode(ids, { skipSpecialTokens: true }), skip);
  }
}

for (const name of tokenizerNames()) {
  const folder = join(goldenCausalDir, "tokenizers", name);

  Deno.test(`${name}'s tokenizer.json gives transformers' ids and texts`, async () => {
    check(await Tokenizer.load(folder), name);
  });

  Deno.test(`${name}'s vocab.json and merges.txt give the same`, async () => {
    await withTempDir(async (dir) => {
      for await (const { name: file } of Deno.readDir(folder)) {
        if (file === "tokenizer.json") continue;
        await Deno.copyFile(join(folder, file), join(dir, file));
      }
      check(await Tokenizer.load(dir), name);
    });
  });
}
