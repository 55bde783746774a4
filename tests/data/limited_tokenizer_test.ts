import assert from "node:assert/strict";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { isLinear } from "../../lib/data/linear_tokenizer.ts";
import { Tokenizer } from "../../lib/data/tokenizer.ts";
import type { JsonObject } from "../../lib/formats/hf_config.ts";
import { withTempDir } from "../temp_dir.ts";

const T5 = fileURLToPath(new URL("../../demo/tiny-flan-t5", import.meta.url));
const json: JsonObject = JSON.parse(Deno.readTextFileSync(join(T5, "tokenizer.json")));

const split = (pattern: string) => ({
  type: "Split",
  pattern: { Regex: pattern },
  behavior: "Isolated",
  invert: false,
});
const doubling = { type: "Replace", pattern: { String: "a" }, content: "aa" };

/** Loads the demo's tokenizer with other steps. */
async function withSteps(
  steps: JsonObject,
  use: (tokenizer: Tokenizer) => void,
): Promise<void> {
  await withTempDir(async (dir) => {
    await Deno.writeTextFile(join(dir, "tokenizer.json"), JSON.stringify({ ...json, ...steps }));
    await Deno.copyFile(join(T5, "tokenizer_config.json"), join(dir, "tokenizer_config.json"));
    use(await Tokenizer.load(dir));
  });
}

Deno.test("tokenizers of known models work in this thread", () => {
  assert.ok(isLinear(json));
  // As transformers converts spiece.model.
  const spaces = { type: "Replace", pattern: { Regex: " {2,}" }, content: " " };
  const normalizer = { type: "Sequence", normalizers: [json.normalizer, spaces] };
  assert.ok(isLinear({ ...json, normalizer }));
  const GPT2 = "'s|'t|'re|'ve|'m|'ll|'d| ?\\p{L}+| ?\\p{N}+| ?[^\\s\\p{L}\\p{N}]+|\\s+(?!\\S)|\\s+";
  for (const pattern of [" {2,}", "\\s+", "[^\\s\\p{L}]+", "\\p{N}", "x", "[0-9]{1,3}", GPT2]) {
    assert.ok(isLinear({ ...json, pre_tokenizer: split(pattern) }), pattern);
  }
});

Deno.test("patterns and steps that can take long do not", () => {
  const patterns = [
    "(a+)+$",
    "\\s+x",
    "(\\w|\\d)*y",
    "a?b?",
    "(?=a+)b",
    "\\1",
    "a+b+",
    ".*",
    5,
    "",
  ];
  for (const pattern of patterns) {
    assert.ok(!isLinear({ ...json, pre_tokenizer: split(pattern as string) }), String(pattern));
  }
  const byteLevel = { type: "ByteLevel" };
  const nested = Array(200).fill(0).reduce((inner) => ({ normalizers: [inner, inner] }), doubling);
  const normalizers = [
    { type: "Sequence", normalizers: Array(30).fill(doubling) },
    { type: "Sequence", normalizers: Array(5).fill(byteLevel) },
    { ...doubling, content: "a".repeat(1000) },
    { ...doubling, pattern: { String: "" }, content: "a".repeat(100) },
    nested,
  ];
  for (const normalizer of normalizers) assert.ok(!isLinear({ ...json, normalizer }));
  const model = { type: "WordPiece", max_input_chars_per_word: 1e9 };
  assert.ok(!isLinear({ ...json, model }));
});

Deno.test("a tokenizer with an unknown pattern has the ids that it would have in this thread", async () => {
  const text = "Person1: it's  12 o'clock, isn't it?  Yes. \u{1f600}";
  const direct = await Tokenizer.load(T5);
  const own = json.pre_tokenizer;
  // Splits nothing, but that takes a look at the text.
  const harmless = split("(?!)(x|y)+");
  await withSteps(
    { pre_tokenizer: { type: "Sequence", pretokenizers: [harmless, own] } },
    (limited) => {
      const ids = limited.encode(text);
      assert.deepEqual(ids, direct.encode(text));
      assert.equal(limited.decode([...ids, 1e6]), direct.decode([...ids, 1e6]));
      assert.deepEqual(limited.tokenTexts(ids), direct.tokenTexts(ids));
      assert.deepEqual(
        [limited.eosTokenId, limited.padTokenId, limited.modelMaxLength],
        [direct.eosTokenId, direct.padTokenId, direct.modelMaxLength],
      );
    },
  );
});

Deno.test("a pattern that takes exponential time ends in a line, after the first text and at once after others", async () => {
  await withSteps({ pre_tokenizer: split("(a+)+$") }, (tokenizer) => {
    const message = /^the tokenizer in .* is broken: it takes more than 10 seconds$/;
    assert.throws(() => tokenizer.encode("a".repeat(50) + "b"), { name: "UserError", message });
    const start = performance.now();
    assert.throws(() => tokenizer.encode("a"), { name: "UserError", message });
    assert.ok(performance.now() - start < 5000);
  });
});

Deno.test("steps that double a text again and again are refused before any text", async () => {
  // A thread that fills its heap with them cannot be ended, and takes the process along.
  const start = performance.now();
  for (
    const [count, says] of [
      [12, "its steps may make a text 4096 times as long, at most 1024 times is supported"],
      [40, "it has more than 16 steps, one after another"],
    ] as const
  ) {
    const normalizer = { type: "Sequence", normalizers: Array(count).fill(doubling) };
    await assert.rejects(withSteps({ normalizer }, () => {}), (error: Error) => {
      assert.equal(error.name, "UserError");
      assert.ok(
        error.message.endsWith(`tokenizer.json is not a tokenizer: ${says}`),
        error.message,
      );
      return true;
    });
  }
  assert.ok(performance.now() - start < 5000);
});

Deno.test("lists in lists without end are refused", async () => {
  const post = "[".repeat(200_000) + "]".repeat(200_000);
  await withTempDir(async (dir) => {
    await Deno.writeTextFile(join(dir, "tokenizer.json"), `{"post_processor": ${post}}`);
    await assert.rejects(Tokenizer.load(dir), {
      name: "UserError",
      message: /tokenizer\.json nests lists or objects more than 100 levels deep/,
    });
  });
});
