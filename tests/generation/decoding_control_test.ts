import assert from "node:assert/strict";
import type { Device } from "../../lib/device/device.ts";
import { generate } from "../../lib/generation/generate.ts";
import { decoderPrompt, type LanguageModel } from "../../lib/models/language_model.ts";
import { loadLanguageModel, registerModelFamily } from "../../lib/models/registry.ts";
import { demoModelDir } from "../demo_model.ts";
import { deviceTest, gpuTest, withDevice } from "../device.ts";
import { bigramFamily, writeBigram } from "../models/bigram.ts";
import { withTempDir } from "../temp_dir.ts";

registerModelFamily(bigramFamily);

const PROMPTS = [[5, 6, 7], [10], [11, 3], [40, 41, 42, 43], [44]];

/** A decoder-only model without much of a taste. */
function withBigram(device: Device, body: (model: LanguageModel) => Promise<void>): Promise<void> {
  return withTempDir(async (dir) => body(await loadLanguageModel(device, await writeBigram(dir))));
}

deviceTest(
  "minNewTokens counts the response alone, minLength the start token, too",
  (device) =>
    withBigram(device, async (model) => {
      const sampling = {
        maxNewTokens: 10,
        doSample: true,
        temperature: 20,
        numReturnSequences: 80,
      };
      const shortest = async (minimum: object) => {
        const all = await generate(model, PROMPTS, { ...sampling, ...minimum });
        const ended = all.filter(({ tokens }) => tokens.includes(1));
        return Math.min(...ended.map(({ tokens }) => tokens.length));
      };
      assert.equal(await shortest({ minNewTokens: 6 }), 7);
      assert.equal(await shortest({ minLength: 6 }), 6);
      assert.equal(await shortest({ minLength: 6, minNewTokens: 3 }), 6);
    }),
);

deviceTest(
  "a repetition penalty counts prompt and response of a decoder-only model",
  (device) =>
    withBigram(device, async (model) => {
      const config = { maxNewTokens: 12, minNewTokens: 12, repetitionPenalty: 1e9 };
      const free = await generate(model, PROMPTS, { ...config, repetitionPenalty: 1 });
      assert.ok(free.some(({ tokens }) => new Set(tokens).size < 12), "without it, tokens return");
      const responses = await generate(model, PROMPTS, config);
      responses.forEach(({ tokens }, row) => {
        const all = [...PROMPTS[row], ...tokens];
        assert.equal(new Set(all).size, all.length, `${all}`);
      });
      // As always, a row does not depend on the others.
      const options = { logprobs: true };
      const sampled = { ...config, repetitionPenalty: 1.4, doSample: true, seed: 3 };
      const together = await generate(model, PROMPTS, sampled, options);
      for (const row of [1, 3]) {
        const alone = await generate(
          model,
          [PROMPTS[row]],
          { ...sampled, firstRollout: row },
          options,
        );
        assert.deepEqual(alone, [together[row]]);
      }
    }),
);

deviceTest(
  "a penalised token's logprob is that of the model itself",
  (device) =>
    withBigram(device, async (model) => {
      const [free] = await generate(model, [[5]], { maxNewTokens: 1 }, { logprobs: true });
      const config = { maxNewTokens: 1, repetitionPenalty: 1.01 };
      const prompt = [...free.tokens, 5];
      const [again] = await generate(model, [prompt], config, { logprobs: true });
      // One percent does not change which token is the likeliest here.
      assert.deepEqual(again, free);
    }),
);

deviceTest("an encoder-decoder's penalty begins with the start token", async (device) => {
  const model = await loadLanguageModel(device, demoModelDir);
  assert.deepEqual(decoderPrompt(model, [5, 6, 1]), [model.firstInput([5, 6, 1])]);
});

/** Decodes token 2 as "ab", and others as a letter each. */
const tokenizer = {
  decode: (ids: readonly number[]) =>
    ids.map((id) => id === 2 ? "ab" : String.fromCharCode(99 + id % 20)).join(""),
};

deviceTest(
  "a stop string ends a response with the token that completes it",
  (device) =>
    withBigram(device, async (model) => {
      const config = { maxNewTokens: 60, doSample: true, temperature: 20, seed: 5 };
      const free = await generate(model, PROMPTS, config, { logprobs: true });
      const stopStrings = ["b", "hi", "oc"];
      const options = { logprobs: true, tokenizer };
      const stopped = await generate(model, PROMPTS, { ...config, stopStrings }, options);
      let found = 0;
      stopped.forEach(({ tokens, logprobs }, row) => {
        const { length } = tokens;
        assert.deepEqual(tokens, free[row].tokens.slice(0, length));
        assert.deepEqual(logprobs, free[row].logprobs!.slice(0, length));
        const has = (ids: number[]) =>
          stopStrings.some((text) => tokenizer.decode(ids).includes(text));
        assert.ok(!has(tokens.slice(0, -1)));
        if (has(tokens)) found++;
        else assert.equal(length, free[row].tokens.length);
      });
      assert.ok(found >= 3, `${found}`);
      await assert.rejects(
        generate(model, PROMPTS, { ...config, stopStrings }),
        /`stopStrings` are looked for in text: give a `tokenizer`/,
      );
    }),
);

deviceTest(
  "impossible minimums, penalties and stop strings are refused",
  (device) =>
    withBigram(device, async (model) => {
      const refuses = (config: object, pattern: RegExp) =>
        assert.rejects(generate(model, PROMPTS, { maxNewTokens: 4, ...config }), pattern);
      await refuses({ minNewTokens: -1 }, /`minNewTokens` is -1: it must be a whole number from 0/);
      await refuses({ minLength: 1.5 }, /`minLength` is 1.5: it must be a whole number from 0/);
      await refuses({ repetitionPenalty: 0 }, /`repetitionPenalty` is 0: it must be positive/);
      await refuses({ stopStrings: [""] }, /`stopStrings` has an empty text/);
      await refuses({ numReturnSequences: 0 }, /`numReturnSequences` is 0: it must be a whole/);
      await refuses({ numReturnSequences: 2, maxNewTokens: [1, 2] }, /2 entries for 10 responses/);
    }),
);

gpuTest("penalties and stop strings give the tokens that they give on WASM", async (gpu) => {
  const tokensOn = async (device: Device) => {
    let tokens: number[][] = [];
    await withBigram(device, async (model) => {
      const sampling = { maxNewTokens: 40, doSample: true, temperature: 2, seed: 8 };
      const config = { ...sampling, repetitionPenalty: 1.7, stopStrings: ["b"], minNewTokens: 4 };
      const all = await generate(model, PROMPTS, config, { tokenizer });
      tokens = all.map(({ tokens }) => tokens);
    });
    return tokens;
  };
  const tokens = await tokensOn(gpu);
  await withDevice(async (wasm) => assert.deepEqual(tokens, await tokensOn(wasm)), "wasm");
});
