import assert from "node:assert/strict";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { FolderFiles } from "../../lib/formats/model_files.ts";
import { readSentencePiece } from "../../lib/data/sentencepiece.ts";
import { Tokenizer } from "../../lib/data/tokenizer.ts";
import { demoModelDir } from "../demo_model.ts";
import { withTempDir } from "../temp_dir.ts";

const T5 = fileURLToPath(new URL("../fixtures/tiny-flan-t5", import.meta.url));

Deno.test("spiece.model gives what transformers' converter wrote as tokenizer.json", async () => {
  const { version: _v, truncation: _t, padding: _p, ...expected } = JSON.parse(
    Deno.readTextFileSync(join(demoModelDir, "tokenizer.json")),
  );
  assert.deepEqual(await readSentencePiece(new FolderFiles(T5), {}), expected);
  assert.equal(await readSentencePiece(new FolderFiles(join(T5, "..")), {}), null);
});

Deno.test("a tokenizer of spiece.model alone has T5's special tokens", async () => {
  const t5 = await Tokenizer.load(T5);
  assert.deepEqual(
    [t5.bosTokenId, t5.eosTokenId, t5.padTokenId, t5.unkTokenId, t5.modelMaxLength],
    [null, 1, 0, 2, Infinity],
  );
});

Deno.test("extra ids: as many as the settings say, the first of them last", async () => {
  const json = await readSentencePiece(new FolderFiles(T5), { extra_ids: 2 });
  const { vocab } = json!.model as { vocab: [string, number][] };
  assert.deepEqual(vocab.slice(-2), [["<extra_id_1>", 0], ["<extra_id_0>", 0]]);
  await assert.rejects(readSentencePiece(new FolderFiles(T5), { extra_ids: 1e9 }), {
    name: "UserError",
    message: /extra_ids is 1000000000, expected a number up to 10000/,
  });
});

Deno.test("tokens of added_tokens.json or added_tokens_decoder are in the vocabulary", async () => {
  await withTempDir(async (dir) => {
    Deno.copyFileSync(join(T5, "spiece.model"), join(dir, "spiece.model"));
    const text = "a <sep> b";
    const count = async () => (await Tokenizer.load(dir)).encode(text).filter((id) => id === 700);
    assert.deepEqual(await count(), []);
    Deno.writeTextFileSync(join(dir, "added_tokens.json"), `{"<sep>": 700, "<pad>": 0}`);
    assert.deepEqual(await count(), [700]);
    const tokenizer = await Tokenizer.load(dir);
    const ids = tokenizer.encode(text);
    assert.match(tokenizer.decode(ids, { skipSpecialTokens: true }), /<sep>/);

    const settings = join(dir, "tokenizer_config.json");
    Deno.writeTextFileSync(settings, `{"additional_special_tokens": ["<sep>"]}`);
    const special = await Tokenizer.load(dir);
    assert.doesNotMatch(special.decode(ids, { skipSpecialTokens: true }), /<sep>/);

    Deno.removeSync(join(dir, "added_tokens.json"));
    const decoder = { 700: { content: "<sep>", special: false } };
    Deno.writeTextFileSync(settings, JSON.stringify({ added_tokens_decoder: decoder }));
    assert.deepEqual(await count(), [700]);

    Deno.writeTextFileSync(settings, `{"added_tokens_decoder": {"x": {"content": "<sep>"}}}`);
    await assert.rejects(Tokenizer.load(dir), {
      name: "UserError",
      message: /tokenizer_config\.json: the added token "<sep>" has the id null, expected/,
    });
  });
});

Deno.test("refused: other models, broken ones", async () => {
  await withTempDir(async (dir) => {
    const path = join(dir, "spiece.model");
    const refused = (bytes: number[], message: RegExp) => {
      Deno.writeFileSync(path, Uint8Array.from(bytes));
      return assert.rejects(readSentencePiece(new FolderFiles(dir), {}), {
        name: "UserError",
        message,
      });
    };
    const unk = [0x0a, 9, 0x0a, 5, ...new TextEncoder().encode("<unk>"), 0x18, 2];
    await refused([], /none of its pieces is the unknown/);
    await refused(unk, /has no piece <pad>, which T5 needs/);
    await refused([...unk, 0x12, 2, 0x18, 2], /SentencePiece model of type 2, expected Unigram/);
    await refused([0x0a], /is not a SentencePiece model: it ends within a number/);
    await refused([0x0a, 9], /a field at byte 2 is cut/);
    await refused([0x0a, 2, 0x18, 2], /bytes are missing/);
    await refused([0x0a, 3, 0x0a, 1, 0xff], /is not a SentencePiece model/);
    await refused([0x0a, 5, 0x15, 0, 0, 0xc0, 0x7f], /piece 0 has the score NaN/);
    await assert.rejects(
      readSentencePiece(new FolderFiles(dir), { tokenizer_class: "AlbertTokenizer" }),
      {
        message: /has a spiece\.model of "AlbertTokenizer" and no tokenizer\.json/,
      },
    );
  });
});
