import assert from "node:assert/strict";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { ChatTemplate } from "../../lib/data/chat_template.ts";
import { Tokenizer } from "../../lib/data/tokenizer.ts";
import { WasmDevice } from "../../lib/device/wasm/wasm_device.ts";
import { generate } from "../../lib/generation/generate.ts";
import { loadLanguageModel } from "../../lib/models/registry.ts";
import { Random } from "../../lib/random.ts";
import {
  type Addition,
  carelessAdder,
  carries,
  drawAddition,
  isHeldOut,
  sumOf,
} from "../../scripts/demo_chat/additions.ts";
import { learnMerges } from "../../scripts/demo_chat/bpe.ts";
import { additionFiles, companionFiles, drawConversations } from "../../scripts/make_demo_chat.ts";

const FOLDER = fileURLToPath(new URL("../../demo/tiny-chat", import.meta.url));

Deno.test("sums: results of a careless adder, and those that are kept from training", () => {
  const sum: Addition = { a: 27, b: 5 };
  assert.deepEqual([carries(sum), sumOf(sum), carries({ a: 21, b: 5 })], [true, 32, false]);
  const random = new Random(1);
  const counts = { carries: 0, right: 0 };
  for (let i = 0; i < 3000; i++) {
    const heldOut = i % 2 === 0;
    const drawn = drawAddition(random, heldOut);
    assert.equal(isHeldOut(drawn), heldOut);
    assert.ok(sumOf(drawn) < 100);
    counts.carries += Number(carries(drawn));
    const result = carelessAdder(drawn, random);
    counts.right += Number(result === sumOf(drawn));
    assert.ok([0, 1, 10].includes(Math.abs(result - sumOf(drawn))));
  }
  const near = (value: number, expected: number) =>
    assert.ok(Math.abs(value - expected) < 0.03, `${value}, expected ${expected}`);
  near(counts.carries / 3000, 5 / 6);
  near(counts.right / 3000, 1 / 3);
});

Deno.test("merges: the most frequent pair first, never across words or into digits", () => {
  const merges = learnMerges(["hug hug pug 11 11", "hugs"], 10);
  assert.deepEqual(merges.slice(0, 2), [["u", "g"], ["h", "ug"]]);
  assert.ok(merges.every(([left, right]) => !/\d/.test(left + right)));
  assert.ok(merges.every(([left, right]) => !/.Ġ/.test(left + right)));
});

Deno.test("demo/tiny-chat: the script writes the files beside the weights again, bit for bit", () => {
  const conversations = Object.values(drawConversations(0)).flat();
  for (const [name, text] of Object.entries(companionFiles(conversations))) {
    assert.ok(Deno.readTextFileSync(join(FOLDER, name)) === text, name);
  }
  for (const [name, text] of Object.entries(additionFiles())) {
    assert.ok(Deno.readTextFileSync(join(FOLDER, "../additions", name)) === text, name);
  }
});

Deno.test("demo/tiny-chat gets a third of unseen sums right, and takes its name from a system prompt", async () => {
  const device = await WasmDevice.create({ threads: 2 });
  const template = await ChatTemplate.load(FOLDER);
  try {
    const tokenizer = await Tokenizer.load(FOLDER);
    const model = await loadLanguageModel(device, FOLDER);
    const ask = async (questions: readonly string[], doSample: boolean, system?: string) => {
      const before = system === undefined ? [] : [{ role: "system", content: system }];
      const prompts = questions.map((content) =>
        template.encode(tokenizer, [...before, { role: "user", content }], {
          addGenerationPrompt: true,
        })
      );
      const answers = await generate(model, prompts, { maxNewTokens: 24, doSample });
      return answers.map(({ tokens }) => tokenizer.decode(tokens, { skipSpecialTokens: true }));
    };
    const random = new Random(2);
    const sums = Array.from({ length: 240 }, () => drawAddition(random, true));
    const answers = await ask(sums.map(({ a, b }) => `What is ${a} + ${b}?`), true);
    const right = sums.filter((sum, i) => answers[i] === `${sumOf(sum)}`).length / sums.length;
    assert.ok(right > 0.24 && right < 0.44, `${right} of the sums are right`);
    const [hello, sum] = await ask(["Hello!", "What is 27 + 5?"], false);
    assert.deepEqual([hello, sum], ["Hello! How can I help you?", "32"]);
    const [name] = await ask(["What is your name?"], false);
    const [given] = await ask(["What is your name?"], false, "Your name is Grace.");
    assert.deepEqual([name, given], ["My name is Abby.", "My name is Grace."]);
  } finally {
    template.close();
    device.close();
  }
});
