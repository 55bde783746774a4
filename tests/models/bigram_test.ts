/** A model that is a decoder alone goes through everything above lib/models. */
import assert from "node:assert/strict";
import { join } from "node:path";
import type { Device } from "../../lib/device/device.ts";
import { generate } from "../../lib/generation/generate.ts";
import { createPolicy, loadPolicy, type Policy, savePolicy } from "../../lib/models/policy.ts";
import { loadLanguageModel, registerModelFamily } from "../../lib/models/registry.ts";
import { loadTrainableModel, saveTrainableModel } from "../../lib/models/trainable.ts";
import { PPOTrainer } from "../../lib/rl/ppo_trainer.ts";
import { SFTTrainer } from "../../lib/sft/sft_trainer.ts";
import { evaluateLoss } from "../../lib/sft/supervised_pass.ts";
import { deviceTest } from "../device.ts";
import { withTempDir } from "../temp_dir.ts";
import { bigramFamily, writeBigram } from "./bigram.ts";

registerModelFamily(bigramFamily);

const PROMPTS = [[5, 6, 7], [8], [20, 30]];
const LORA = { r: 2, loraAlpha: 4, loraDropout: 0, targetModules: ["mixer"] };

async function bigramPolicy(device: Device, dir: string): Promise<Policy> {
  return createPolicy(await loadLanguageModel(device, await writeBigram(dir)), LORA, 1);
}

deviceTest(
  "bigram: PPO takes generation's logprobs and values as a pass's own",
  (device) =>
    withTempDir(async (dir) => {
      const policy = await bigramPolicy(device, dir);
      const settings = { batchSize: 3, miniBatchSize: 1, ppoEpochs: 2, learningRate: 0.05 };
      const trainer = new PPOTrainer(policy, settings);
      const sampling = { maxNewTokens: 6, minLength: 3, doSample: true, seed: 1 };
      const first = await trainer.generate(PROMPTS, sampling);
      const responses = first.map(({ tokens }) => tokens);
      const stats = await trainer.step(PROMPTS, responses, [1, -1, 0.5], first);
      assert.equal(stats["objective/kl"], 0);
      assert.ok(stats["ppo/loss/total"] !== 0);

      const folder = join(dir, "adapter");
      await savePolicy(policy, folder, "bigram");
      const loaded = await loadPolicy(policy.model, folder, 9);
      const options = ({ adapter, valueHead }: Policy) => ({ adapter, valueHead, logprobs: true });
      const again = await generate(policy.model, PROMPTS, sampling, options(policy));
      assert.deepEqual(await generate(policy.model, PROMPTS, sampling, options(loaded)), again);
      assert.notDeepEqual(again.map(({ values }) => values), first.map(({ values }) => values));
      // What generation reports is what a step computes by itself, bit for bit.
      const run = async (sampled?: typeof again) => {
        const own = await loadPolicy(policy.model, folder, 9);
        const tokens = again.map(({ tokens }) => tokens);
        await new PPOTrainer(own, settings).step(PROMPTS, tokens, [1, -1, 0.5], sampled);
        return await own.parameters.values.read();
      };
      assert.deepEqual(await run(again), await run());
    }),
);

deviceTest(
  "bigram: all weights learn a sequence, are saved and loaded",
  (device) =>
    withTempDir(async (dir) => {
      const folder = await writeBigram(join(dir, "model"));
      const trainable = await loadTrainableModel(device, folder);
      assert.equal(trainable.parameters.count, trainable.model.parameterCount);
      const subject = { ...trainable, adapter: null };
      const examples = [{ inputIds: [4, 5], labels: [6, 7, 8, 1] }];
      const trainer = new SFTTrainer(subject, { steps: 40, learningRate: 0.05 });
      for (let step = 0; step < 40; step++) await trainer.step(examples);
      assert.ok(await evaluateLoss(subject, examples) < 0.1);
      await saveTrainableModel(trainable, folder, join(dir, "trained"));
      const model = await loadLanguageModel(device, join(dir, "trained"));
      const [{ tokens }] = await generate(model, [[4, 5]], { maxNewTokens: 9 });
      assert.deepEqual(tokens, [6, 7, 8, 1]);
    }),
);

deviceTest(
  "generate: any of several end tokens ends a response",
  (device) =>
    withTempDir(async (dir) => {
      const model = await loadLanguageModel(
        device,
        await writeBigram(dir, { eosTokenIds: [1, 2, 9] }),
      );
      const config = { maxNewTokens: 200, doSample: true, seed: 4 };
      const prompts = Array.from({ length: 12 }, (_, i) => [10 + i]);
      const ends = (await generate(model, prompts, config)).map(({ tokens }) => {
        const end = tokens.findIndex((token) => [1, 2, 9].includes(token));
        assert.equal(end, tokens.length - 1);
        return tokens[end];
      });
      assert.ok(new Set(ends).size > 1, `${ends}`);
      const long = await generate(model, prompts, { ...config, minNewTokens: 9 });
      for (const { tokens } of long) {
        assert.ok(tokens.findIndex((token) => [1, 2, 9].includes(token)) >= 9, `${tokens}`);
      }
    }),
);
