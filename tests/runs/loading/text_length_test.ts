import assert from "node:assert/strict";
import { join } from "node:path";
import { UserError } from "../../../lib/errors.ts";
import { evaluate } from "../../../lib/runs/commands/evaluate.ts";
import { generateTexts } from "../../../lib/runs/commands/generate.ts";
import { runKind } from "../../../lib/runs/kinds/registry.ts";
import { checkTextLengths, type ReadTexts } from "../../../lib/runs/loading/text_length.ts";
import { openRunDevice } from "../../../lib/runs/loading/device.ts";
import { resolveTrainConfig } from "../../../lib/runs/settings/config.ts";
import { withFolder } from "../../cli/temper.ts";
import { ownCases } from "../../golden_causal/folder.ts";

const GPT2 = join(ownCases, "gpt2", "checkpoint");
const LLAMA = join(ownCases, "llama", "checkpoint");

/** Texts of so many tokens, with three characters to each; says which have been tokenized. */
function textsOf(lengths: readonly number[]): ReadTexts & { tokenized: Set<number> } {
  const tokenized = new Set<number>();
  return {
    tokenized,
    what: "prompt",
    length: lengths.length,
    place: (index) => `text ${index}`,
    characters: (index) => 3 * lengths[index],
    tokens(index) {
      tokenized.add(index);
      return lengths[index];
    },
  };
}

const DECODER = { taskType: "CAUSAL_LM", maxPositions: null, trainedLength: null } as const;

Deno.test("a text must fit the positions with its response, whose last token is not read", () => {
  const model = { ...DECODER, maxPositions: 128 };
  const end = { newTokens: 29, setting: "maxNewTokens" };
  const fitting = textsOf([4, 100, 5]);
  assert.equal(checkTextLengths(model, fitting, end), null);
  // Short ones fit whatever their tokens are.
  assert.deepEqual([...fitting.tokenized], [1]);
  assert.throws(
    () => checkTextLengths(model, textsOf([4, 101, 102]), end),
    new UserError(
      "text 1: the prompt has 101 tokens and its response up to 29 (`maxNewTokens`), the model has " +
        "128 positions: lower `maxNewTokens`, or shorten the prompt",
    ),
  );
  const whole = { newTokens: 0, setting: "maxLength" };
  assert.equal(checkTextLengths(model, textsOf([129]), whole), null);
  assert.throws(
    () => checkTextLengths(model, textsOf([130]), whole),
    new UserError(
      "text 0: the prompt has 130 tokens, the model has 128 positions: lower `maxLength`, or " +
        "shorten the prompt",
    ),
  );
});

Deno.test("a model that reads on beyond what it was trained on takes longer texts with a warning", () => {
  const model = { ...DECODER, trainedLength: 128 };
  const end = { newTokens: 29, setting: "maxNewTokens" };
  assert.equal(checkTextLengths(model, textsOf([100, 9]), end), null);
  const long = textsOf([101, 90, 102]);
  assert.equal(
    checkTextLengths(model, long, end),
    "warning: text 2: the prompt has 102 tokens and its response up to 29 (`maxNewTokens`), the " +
      "model was trained on 128 (`max_position_embeddings`): what it says beyond may be poor",
  );
  assert.deepEqual([...long.tokenized], [2]);
  assert.equal(checkTextLengths(DECODER, textsOf([1e6]), end), null);
  assert.equal(checkTextLengths(model, textsOf([]), end), null);
});

/** Rows for every kind, of which the 13th of 15 to train on is too long for 128 positions. */
function rows(): object[] {
  const text = (index: number) => index === 12 ? "ab ".repeat(200) : "Hi.";
  return Array.from({ length: 19 }, (_, i) => ({
    prompt: text(i),
    chosen: " Yes.",
    rejected: " No.",
  }));
}

const GROUP = { reward: ["length:20"], maxCompletionLength: 5, numGenerations: 2 };
const CASES: readonly (readonly [kind: string, settings: object, message: RegExp])[] = [
  [
    "ppo",
    { reward: ["length:20"], maxNewTokens: 5 },
    /^row 13 of the train split: the prompt has \d+ tokens and its response up to 5 \(`maxNewTokens`\), the model has 128 positions: lower `maxNewTokens`, or shorten the prompt$/,
  ],
  ["grpo", GROUP, /^row 13 of the train split: .* up to 5 \(`maxCompletionLength`\)/],
  ["rloo", GROUP, /^row 13 of the train split: .* up to 5 \(`maxCompletionLength`\)/],
  ["sft", {}, /^row 13 of the train split: the text has \d+ tokens, .* lower `maxLength`/],
  [
    "dpo",
    { maxPromptLength: null },
    /^pair 13 of the train split: the prompt with its answer has \d+ tokens, .* lower `maxLength`/,
  ],
  ["orpo", { maxPromptLength: null }, /^pair 13 of the train split: .* lower `maxLength`/],
  ["kto", { maxPromptLength: null }, /^answer 25 of the train split: .* lower `maxLength`/],
];

for (const [kind, settings, message] of CASES) {
  Deno.test(`${kind}: a row that no step could take is found before the first`, () =>
    withFolder(async (folder) => {
      const dataset = join(folder, "rows.jsonl");
      const table = kind === "sft"
        ? rows().map((row) => ({ text: Object.values(row).join("") }))
        : rows();
      await Deno.writeTextFile(dataset, table.map((row) => JSON.stringify(row)).join("\n"));
      const { open, resolve } = runKind(kind);
      const config = resolve({
        ...{ model: GPT2, dataset, steps: 1, batchSize: 4, evalSamples: 2, evalMaxNewTokens: 4 },
        ...{ device: "wasm", threads: 1, datasetCache: false },
        ...settings,
      });
      const device = await openRunDevice(config);
      await using loading = new AsyncDisposableStack();
      try {
        await assert.rejects(
          () =>
            open({ device, config, hooks: {}, loading } as unknown as Parameters<typeof open>[0]),
          { name: "UserError", message },
        );
      } finally {
        device.close();
      }
    }));
}

Deno.test("commands that generate name the text and the setting", async () => {
  const config = resolveTrainConfig({ model: GPT2, device: "wasm", threads: 1 });
  const options = { maxNewTokens: 100, doSample: false };
  await assert.rejects(
    () => generateTexts({ ...config, prompt: null }, ["Hi", "ab ".repeat(40)], options),
    /^UserError: text 2: the prompt has \d+ tokens and its response up to 100 \(`maxNewTokens`\), the model has 128/,
  );
  await withFolder(async (folder) => {
    const dataset = join(folder, "rows.jsonl");
    await Deno.writeTextFile(dataset, rows().map((row) => JSON.stringify(row)).join("\n"));
    const evaluated = { ...config, dataset, evalMaxNewTokens: 128, datasetCache: false };
    await assert.rejects(
      () => evaluate(evaluated),
      /^UserError: row 1 of the test split: .* up to 128 \(`evalMaxNewTokens`\)/,
    );
  });
});

Deno.test("texts beyond the length that a model was trained on are answered, with a warning", async () => {
  const config = resolveTrainConfig({ model: LLAMA, device: "wasm", threads: 1 });
  const said: string[] = [];
  const hooks = { info: (text: string) => void said.push(text) };
  const options = { maxNewTokens: 2, doSample: false };
  const texts = ["ab ".repeat(300)];
  const answers = await generateTexts({ ...config, prompt: null }, texts, options, hooks);
  assert.equal(answers.length, 1);
  assert.match(said.join("\n"), /^warning: text 1: the prompt has \d+ tokens .* trained on 256/m);
});
