import assert from "node:assert/strict";
import { fileURLToPath } from "node:url";
import { generate } from "../../lib/generation/generate.ts";
import { predict } from "../../lib/training/token_pass.ts";
import { responseRow } from "../../lib/training/token_rows.ts";
import { deviceTest } from "../device.ts";
import { randomPolicy } from "../rl/demo_policy.ts";

const tokens = (length: number, seed: number) =>
  Array.from({ length }, (_, i) => 3 + (i * 37 + seed * 11) % 200);

/** In windows of 16 positions, keys of the longer prompts are out of reach at once. */
const PROMPTS = [tokens(1, 1), tokens(31, 2), tokens(70, 3)];
const MAX_NEW_TOKENS = [150, 140, 97, 40, 130, 20];

const folderOf = (family: string) =>
  fileURLToPath(new URL(`../golden_causal/cases/${family}/checkpoint`, import.meta.url));

for (const family of ["gemma3", "llama"]) {
  deviceTest(
    `long responses have the logprobs and values of a pass, bit for bit: ${family}`,
    async (device) => {
      const policy = await randomPolicy(device, folderOf(family), "all-linear");
      const { model, adapter, valueHead } = policy;
      const config = {
        maxNewTokens: MAX_NEW_TOKENS,
        minNewTokens: 150,
        numReturnSequences: 2,
        doSample: true,
        seed: 3,
      };
      const options = { adapter, valueHead, logprobs: true };
      const generated = await generate(model, PROMPTS, config, options);
      assert.deepEqual(generated.map(({ tokens }) => tokens.length), MAX_NEW_TOKENS);
      const rows = generated.map(({ tokens }, i) =>
        responseRow(model, PROMPTS[Math.floor(i / 2)], tokens)
      );
      const predicted = await predict(policy, rows);
      generated.forEach(({ logprobs, values }, i) => {
        assert.deepEqual(logprobs, [...predicted[i].logprobs]);
        assert.deepEqual(values, [...predicted[i].values!]);
      });
      // Rows move when they need room, at other times without the others.
      const last = { ...config, maxNewTokens: MAX_NEW_TOKENS[3], numReturnSequences: 1 };
      const alone = await generate(model, [PROMPTS[1]], { ...last, firstRollout: 3 }, options);
      assert.deepEqual(alone, [generated[3]]);
    },
  );
}

deviceTest("learned positions limit prompt and response together", async (device) => {
  const { model } = await randomPolicy(device, folderOf("gpt2"), "all-linear");
  assert.equal(model.maxPositions, 128);
  const prompts = [tokens(2, 1), tokens(100, 2)];
  const ends = { minNewTokens: 200 };
  const [, longest] = await generate(model, prompts, { maxNewTokens: [1, 29], ...ends });
  assert.equal(longest.tokens.length, 29);
  await assert.rejects(
    generate(model, prompts, { maxNewTokens: 30, ...ends }),
    /^UserError: prompt 1 has 100 tokens, with a response of 30 \(`maxNewTokens`\) more than the model's 128 positions: shorten one of them$/,
  );
});
