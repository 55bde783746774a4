import assert from "node:assert/strict";
import type { Page } from "playwright-core";
import { loadCase } from "../golden/cases.ts";
import { assertTrained, type CaseTrainer, type PPOCase } from "../golden/ppo_case.ts";
import type { PPOStats } from "../../lib/rl/statistics.ts";
import { browserTest, launchBrowser } from "../web/browser.ts";
import { Site, SWIFTSHADER } from "./site.ts";

/** JSON of the case of generation. */
interface Generate {
  prompts: number[][];
  max_new_tokens: number;
  greedy: number[][];
}

/** Loads the cases' model and adapter in a page, where they are `policy`. */
async function loadInPage(page: Page, device: "wasm" | "webgpu"): Promise<void> {
  await page.evaluate(async (name) => {
    const fetchFiles = async (folder: string, names: string[]) =>
      new temper.MemoryFiles(
        await Promise.all(names.map(async (name): Promise<[string, Blob]> => {
          return [name, await (await fetch(`${folder}/${name}`)).blob()];
        })),
      );
    const device = await temper.openDevice({ device: name });
    const files = await fetchFiles("/demo/tiny-flan-t5", [
      "config.json",
      "generation_config.json",
      "model.safetensors",
    ]);
    const model = await temper.loadLanguageModel(device, files);
    const adapter = await fetchFiles("/tests/golden/cases/adapter", [
      "adapter_config.json",
      "adapter_model.safetensors",
    ]);
    Object.assign(globalThis, { policy: await temper.loadPolicy(model, adapter, 0) });
  }, device);
}

/** A trainer in a page. Numbers that are not finite in JSON are none of a case's. */
function trainerIn(page: Page): CaseTrainer {
  return {
    write: (name, values) =>
      page.evaluate(
        ([name, values]) => policy.parameters.write(name, Float32Array.from(values)),
        [name, [...values]] as const,
      ),
    start: (config) =>
      page.evaluate((config) => {
        Object.assign(globalThis, { trainer: new temper.PPOTrainer(policy, config) });
      }, config),
    step: async (queries, responses, scores) =>
      await page.evaluate(async ([queries, responses, scores]) => {
        const stats = await trainer.step(queries, responses, scores);
        const plain = (_: string, value: unknown) =>
          value instanceof Float32Array ? Array.from(value) : value;
        return JSON.parse(JSON.stringify(stats, plain));
      }, [queries, responses, scores] as const) as PPOStats,
    klCoef: () => page.evaluate(() => trainer.state().klCoef),
    parameters: async () =>
      new Map(
        await page.evaluate(async () => {
          const all = await policy.parameters.readAll();
          return Array.from(all, ([name, { data }]): [string, number[]] => [name, [...data]]);
        }),
      ),
  };
}

browserTest("golden cases in a page, on WASM and on WebGPU", async (_, test) => {
  await using site = await Site.serve();
  const browser = await launchBrowser(SWIFTSHADER);
  try {
    for (const device of ["wasm", "webgpu"] as const) {
      const page = await browser.newPage();
      await site.show(page);
      await loadInPage(page, device);
      await test.step(`greedy responses, ${device}`, async () => {
        const { json } = loadCase<Generate>("generate");
        const responses = await page.evaluate(async ([prompts, maxNewTokens]) => {
          const { model, adapter } = policy;
          const { eosTokenIds: [eos] } = model;
          const drawn = await temper.generate(model, prompts, { maxNewTokens }, { adapter });
          return drawn.map(({ tokens }, i) => ({
            tokens: [model.firstInput(prompts[i]), ...tokens],
            eos,
          }));
        }, [json.prompts, json.max_new_tokens] as const);
        responses.forEach(({ tokens, eos }, i) => {
          // The stack pads rows that stopped before the longest.
          const end = json.greedy[i].indexOf(eos);
          assert.deepEqual(tokens, end < 0 ? json.greedy[i] : json.greedy[i].slice(0, end + 1));
        });
      });
      // On SwiftShader, whose compiler takes half a minute for a step's kernels, webgpu_test.ts trains.
      if (device === "wasm") {
        await test.step(`ppo_clipped, ${device}`, async () => {
          const golden = loadCase<PPOCase>("ppo_clipped");
          await assertTrained(trainerIn(page), golden, (_, { length }) => [1, length - 1]);
        });
      }
      await page.close();
    }
  } finally {
    await browser.close();
  }
});
