import assert from "node:assert/strict";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { Tokenizer } from "../../lib/data/tokenizer.ts";
import { withTempDir } from "../temp_dir.ts";

const T5 = fileURLToPath(new URL("../../demo/tiny-flan-t5", import.meta.url));
const ROBERTA = fileURLToPath(new URL("../../demo/tiny-roberta-toxicity", import.meta.url));

/** A folder with RoBERTa's files, changed by `edit`. */
async function withRoberta(edit: (dir: string) => Promise<void>): Promise<void> {
  await withTempDir(async (dir) => {
    for (const { name } of Deno.readDirSync(ROBERTA)) {
      if (name !== "model.safetensors") Deno.copyFileSync(join(ROBERTA, name), join(dir, name));
    }
    await edit(dir);
  });
}

Deno.test("the special tokens' ids and the longest input", async () => {
  const t5 = await Tokenizer.load(T5);
  assert.deepEqual(
    [t5.bosTokenId, t5.eosTokenId, t5.padTokenId, t5.unkTokenId, t5.modelMaxLength],
    [null, 1, 0, 2, 512],
  );
  const roberta = await Tokenizer.load(ROBERTA);
  assert.deepEqual(
    [roberta.bosTokenId, roberta.eosTokenId, roberta.padTokenId, roberta.unkTokenId],
    [0, 2, 1, 3],
  );
  assert.equal(roberta.modelMaxLength, 512);
});

Deno.test("truncation cuts the text's end and keeps the special tokens", async () => {
  const text = "#Person1#: Hello, how are you today?";
  for (const [dir, before] of [[T5, 0], [ROBERTA, 1]] as const) {
    const tokenizer = await Tokenizer.load(dir);
    const all = tokenizer.encode(text);
    const cut = tokenizer.encode(text, { maxLength: 6 });
    assert.deepEqual(cut, [...all.slice(0, 5), tokenizer.eosTokenId]);
    assert.deepEqual(tokenizer.encode(text, { maxLength: all.length }), all);
    const fewest = before + 1;
    assert.equal(tokenizer.encode(text, { maxLength: fewest }).length, fewest);
    assert.throws(
      () => tokenizer.encode(text, { maxLength: fewest - 1 }),
      { name: "UserError", message: new RegExp(`no room for the ${fewest} special tokens`) },
    );
  }
});

Deno.test("truncation cuts the side that the files name", async () => {
  const text = "#Person1#: Hello, how are you today?";
  await withRoberta(async (dir) => {
    const settings = join(dir, "tokenizer_config.json");
    Deno.writeTextFileSync(settings, '{ "truncation_side": "left" }');
    const tokenizer = await Tokenizer.load(dir);
    const all = tokenizer.encode(text);
    assert.deepEqual(tokenizer.encode(text, { maxLength: 6 }), [all[0], ...all.slice(-5)]);
    assert.deepEqual(tokenizer.encode(text, { maxLength: 2 }), [all[0], all.at(-1)]);
    const bare = { addSpecialTokens: false };
    assert.deepEqual(tokenizer.encode(text, { ...bare, maxLength: 4 }), all.slice(-5, -1));
    assert.deepEqual(tokenizer.encode(text, { ...bare, maxLength: 0 }), []);

    Deno.writeTextFileSync(settings, '{ "truncation_side": "middle" }');
    await assert.rejects(Tokenizer.load(dir), {
      name: "UserError",
      message: /`truncation_side` is "middle", expected "left" or "right"/,
    });
  });
  // tokenizer.json has a side as well, which tokenizer_config.json overrides.
  await withTempDir(async (dir) => {
    const json = JSON.parse(Deno.readTextFileSync(join(T5, "tokenizer.json")));
    json.truncation = { direction: "Left", max_length: 512, strategy: "LongestFirst", stride: 0 };
    Deno.writeTextFileSync(join(dir, "tokenizer.json"), JSON.stringify(json));
    const cut = async () => (await Tokenizer.load(dir)).encode(text, { maxLength: 6 });
    const all = (await Tokenizer.load(T5)).encode(text);
    assert.deepEqual(await cut(), all.slice(-6));
    Deno.writeTextFileSync(join(dir, "tokenizer_config.json"), '{ "truncation_side": "right" }');
    assert.deepEqual(await cut(), [...all.slice(0, 5), all.at(-1)]);
  });
});

Deno.test("decoding nothing, and ids beyond the vocabulary, gives no text", async () => {
  const tokenizer = await Tokenizer.load(T5);
  assert.equal(tokenizer.decode([]), "");
  assert.equal(tokenizer.decode([703, 699]), "");
  const ids = tokenizer.encode("Frank agrees.");
  assert.equal(tokenizer.decode([703, ...ids]), "Frank agrees.</s>");
  assert.equal(tokenizer.decode([...ids, 0, 0], { skipSpecialTokens: true }), "Frank agrees.");
});

Deno.test("tokens that tokenizer_config.json alone adds are in the vocabulary, as in transformers", async () => {
  await withTempDir(async (dir) => {
    Deno.copyFileSync(join(T5, "tokenizer.json"), join(dir, "tokenizer.json"));
    const write = (added_tokens_decoder: object) =>
      Deno.writeTextFileSync(
        join(dir, "tokenizer_config.json"),
        JSON.stringify({ added_tokens_decoder }),
      );
    write({ 1: { content: "</s>", special: true }, 700: { content: "<turn>", special: true } });
    const tokenizer = await Tokenizer.load(dir);
    assert.deepEqual(tokenizer.encode("<turn>"), [700, 1]);
    assert.equal(tokenizer.decode([700, 1]), "<turn></s>");
    write({ 5: { content: "<turn>", special: true } });
    await assert.rejects(Tokenizer.load(dir), {
      name: "UserError",
      message: /the added token "<turn>" has the id 5 of another token/,
    });
  });
});

Deno.test("an end token that the files name and the vocabulary lacks is refused", async () => {
  await withTempDir(async (dir) => {
    Deno.copyFileSync(join(T5, "tokenizer.json"), join(dir, "tokenizer.json"));
    for (const file of ["special_tokens_map.json", "tokenizer_config.json"]) {
      for (const eos_token of ["<end>", { content: "<end>" }]) {
        Deno.writeTextFileSync(join(dir, file), JSON.stringify({ eos_token }));
        await assert.rejects(Tokenizer.load(dir), {
          name: "UserError",
          message: `${dir}/tokenizer.json is not a tokenizer: its vocabulary lacks the eos_token ` +
            '"<end>" of tokenizer_config.json or special_tokens_map.json',
        });
      }
      Deno.writeTextFileSync(join(dir, file), JSON.stringify({ eos_token: null }));
    }
    // What a class of tokenizers has by default need not be there.
    Deno.writeTextFileSync(
      join(dir, "tokenizer_config.json"),
      '{"tokenizer_class": "GPT2Tokenizer"}',
    );
    assert.equal((await Tokenizer.load(dir)).eosTokenId, null);
  });
});

Deno.test("RoBERTa's special tokens take the spaces beside them as their files say", async () => {
  await withRoberta(async (dir) => {
    const path = join(dir, "special_tokens_map.json");
    const text = "in </s> the";
    const tokens = async () => {
      const tokenizer = await Tokenizer.load(dir);
      return tokenizer.encode(text).map((id) => tokenizer.decode([id]));
    };
    assert.deepEqual(await tokens(), ["<s>", "in", "</s>", "t", "h", "e", "</s>"]);

    const flags = { content: "</s>", lstrip: false, rstrip: false };
    Deno.writeTextFileSync(path, JSON.stringify({ eos_token: flags, sep_token: flags }));
    assert.deepEqual(await tokens(), ["<s>", "in", " ", "</s>", " the", "</s>"]);

    Deno.removeSync(path);
    assert.deepEqual(await tokens(), ["<s>", "in", " ", "</s>", " the", "</s>"]);
  });
});

Deno.test("a space before the text where the settings ask for it", async () => {
  await withRoberta(async (dir) => {
    Deno.writeTextFileSync(join(dir, "tokenizer_config.json"), `{"add_prefix_space": true}`);
    const tokenizer = await Tokenizer.load(dir);
    assert.deepEqual(tokenizer.encode("the"), tokenizer.encode(" the"));
    assert.equal(tokenizer.modelMaxLength, Infinity);
  });
});

Deno.test("missing and broken files are named", async () => {
  await withRoberta(async (dir) => {
    const refused = (message: RegExp) =>
      assert.rejects(Tokenizer.load(dir), { name: "UserError", message });
    const merges = join(dir, "merges.txt");
    const vocab = join(dir, "vocab.json");

    Deno.writeTextFileSync(merges, "#version: 0.2\na b c\n");
    await refused(/merges\.txt, line 2: "a b c", expected two parts/);
    Deno.removeSync(merges);
    await refused(/has vocab\.json but not merges\.txt/);
    Deno.writeTextFileSync(merges, "");
    Deno.writeTextFileSync(vocab, `{"<s>": "0"}`);
    await refused(/vocab\.json: token "<s>" has the id "0"/);
    Deno.writeTextFileSync(vocab, `{"<s>": 0}`);
    await refused(/vocab\.json lacks the eos_token "<\/s>"/);
    Deno.removeSync(vocab);
    await refused(/has merges\.txt but not vocab\.json/);
    Deno.removeSync(merges);
    await refused(/has no tokenizer: expected tokenizer\.json, or spiece\.model, or vocab/);
    Deno.writeTextFileSync(join(dir, "tokenizer.json"), `{"model": {"type": "Nonsense"}}`);
    await refused(/tokenizer\.json is not a tokenizer: /);
  });
});

Deno.test("tokenTexts gives each token's text with the space before it", async () => {
  for (const model of [T5, ROBERTA]) {
    const tokenizer = await Tokenizer.load(model);
    const text = "Mary tells #Person1# that she didn't like it.";
    const ids = tokenizer.encode(text);
    const texts = tokenizer.tokenTexts(ids);
    assert.equal(texts.length, ids.length);
    assert.ok(texts.some((piece) => piece === " that"), JSON.stringify(texts));
    assert.equal(texts.join("").replace(/<\/?s>/g, "").trim(), text);
    assert.deepEqual(tokenizer.tokenTexts(ids), texts);
  }
});

Deno.test("an id that is none is refused: around a text at once, within one when it comes up", async () => {
  await withTempDir(async (dir) => {
    const write = async (vocab: object, config: object) => {
      await Deno.writeTextFile(join(dir, "vocab.json"), JSON.stringify({ a: 0, ...vocab }));
      await Deno.writeTextFile(join(dir, "merges.txt"), "");
      const settings = JSON.stringify({ tokenizer_class: "GPT2Tokenizer", ...config });
      await Deno.writeTextFile(join(dir, "tokenizer_config.json"), settings);
    };
    await write({}, { add_bos_token: true, bos_token: "<s>" });
    await assert.rejects(Tokenizer.load(dir), {
      name: "UserError",
      message: /is not a tokenizer: one of its tokens has the id undefined, expected a whole/,
    });
    await write({ b: 2 ** 31 }, {});
    const tokenizer = await Tokenizer.load(dir);
    assert.deepEqual(tokenizer.encode("aa"), [0, 0]);
    assert.throws(() => tokenizer.encode("ab"), {
      name: "UserError",
      message: /is broken: one of its tokens has the id 2147483648, expected a whole number from 0/,
    });
  });
});
