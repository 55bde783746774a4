import assert from "node:assert/strict";
import { fileURLToPath } from "node:url";
import { recordsSteps } from "../../lib/device/steps.ts";
import { generate } from "../../lib/generation/generate.ts";
import type { DecodingWindow, LanguageModel } from "../../lib/models/language_model.ts";
import { demoModelDir } from "../demo_model.ts";
import { deviceTest } from "../device.ts";
import { randomPolicy } from "../rl/demo_policy.ts";

/**
 * The model, whose steps are looked at.
 *
 * @param open takes the place of a window
 */
function through(
  model: LanguageModel,
  open: (window: DecodingWindow) => DecodingWindow,
): LanguageModel {
  return new Proxy(model, {
    get(target, key) {
      const value = Reflect.get(target, key, target);
      if (typeof value !== "function") return value;
      if (key !== "startDecoding") return value.bind(target);
      return (...args: Parameters<LanguageModel["startDecoding"]>) => {
        const decoding = target.startDecoding(...args);
        return {
          window: (...args: Parameters<typeof decoding.window>) => open(decoding.window(...args)),
        };
      };
    },
  });
}

const folderOf = (family: string) =>
  fileURLToPath(new URL(`../golden_causal/cases/${family}/checkpoint`, import.meta.url));

for (
  const [family, folder] of Object.entries({
    "t5": demoModelDir,
    "llama": folderOf("llama"),
    "gemma3": folderOf("gemma3"),
    "gpt2": folderOf("gpt2"),
  })
) {
  deviceTest(
    `steps that are made again draw what the model's own draw: ${family}`,
    async (device) => {
      const { model, adapter, valueHead } = await randomPolicy(device, folder, "all-linear");
      const prompts = [[5, 9, 3, 40], [7], [5, 9, 3, 40, 11, 2]];
      const config = {
        maxNewTokens: [40, 25, 17, 33, 40, 9],
        minNewTokens: 6,
        numReturnSequences: 2,
        doSample: true,
        repetitionPenalty: 1.2,
        temperature: 1.3,
        seed: 5,
      };
      const options = { adapter, valueHead, logprobs: true };
      let [windows, steps] = [0, 0];
      const counted = through(model, (window) => {
        windows++;
        return {
          stepped: window.stepped,
          step: (...args) => {
            steps++;
            return window.step(...args);
          },
        };
      });
      const own = through(model, (window) => ({ step: (...args) => window.step(...args) }));
      const expected = await generate(own, prompts, config, options);
      assert.deepEqual(await generate(counted, prompts, config, options), expected);
      const drawn = Math.max(...expected.map(({ tokens }) => tokens.length));
      // The first step may make tables that are kept.
      if (recordsSteps(device)) {
        assert.ok(steps <= windows + 1, `${steps} steps, ${windows} windows`);
      } else assert.ok(steps >= drawn);
      const { used } = device.memory;
      await generate(model, prompts, config, options);
      assert.equal(device.memory.used, used);
    },
  );
}

deviceTest("generations that take turns on a device are as each by itself", async (device) => {
  if (!recordsSteps(device)) return;
  const { model, adapter } = await randomPolicy(device, folderOf("llama"), "all-linear");
  // Of different lengths, so that caches and tables of one grow between the steps of the others.
  const generations = [70, 30, 5].map((maxNewTokens, seed) => () =>
    generate(
      model,
      [[5, 9, 3], [7, seed]],
      { maxNewTokens, minNewTokens: maxNewTokens - 1, doSample: true, seed },
      { adapter, logprobs: true },
    )
  );
  const together = await Promise.all(generations.map((start) => start()));
  for (const [i, start] of generations.entries()) assert.deepEqual(together[i], await start());
});
