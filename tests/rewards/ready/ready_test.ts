import assert from "node:assert/strict";
import { join } from "node:path";
import type { RewardSample } from "../../../lib/rewards/reward.ts";
import { lastNumber } from "../../../lib/rewards/ready/answers.ts";
import { fileOf, readyName, readyReward } from "../../../lib/rewards/ready/ready.ts";
import { withFolder } from "../../cli/temper.ts";

async function score(setting: string, ...samples: Partial<RewardSample>[]) {
  const reward = await readyReward(readyName(setting)!);
  return await reward(samples.map((sample) => ({ query: "", response: "", ...sample })));
}
const responses = (...texts: string[]) => texts.map((response) => ({ response }));

Deno.test("exact compares with the right answer, whatever the white space", async () => {
  const columns = { answer: "Paris is\nthe capital" };
  assert.deepEqual(
    await score(
      "exact",
      { response: " Paris  is the capital ", columns },
      { response: "paris is the capital", columns },
      { response: "x", columns: { other: "x" } },
    ),
    [1, 0, null],
  );
  assert.deepEqual(await score("exact:key", { response: "7", columns: { key: 7, answer: "8" } }), [
    1,
  ]);
  const completion = [{ role: "assistant", content: "Hi" }];
  assert.deepEqual(await score("exact", { response: "Hi", columns: { completion } }), [1]);
});

Deno.test("a schema is a file; no other ready reward reads one", () => {
  const settings = ["json:a/schema.json", "json", "exact:key", "judge:Is it polite?"];
  assert.deepEqual(settings.map((setting) => fileOf(readyName(setting)!)), [
    "a/schema.json",
    null,
    null,
    null,
  ]);
});

Deno.test("number compares the last numbers", async () => {
  const columns = { answer: "so it is #### 1042" };
  assert.deepEqual(
    await score(
      "number",
      { response: "40 + 1,002 = 1,042.", columns },
      { response: "1042 is wrong, it is 7", columns },
      { response: "no idea", columns },
      { response: "1", columns: { answer: "none" } },
    ),
    [1, 0, 0, null],
  );
  assert.deepEqual([lastNumber("-3.50 EUR"), lastNumber("12,345,678"), lastNumber("a")], [
    -3.5,
    12345678,
    null,
  ]);
});

Deno.test("a number is read as people write it", () => {
  const last: [string, number][] = [
    ["7-8", 8],
    ["pages 12-15.", 15],
    ["(3)-4", 4],
    ["x = -4", -4],
    ["5 -3", -3],
    ["(-3)", -3],
    ["it is \u22127", -7],
    ["it is .5", 0.5],
    ["-.5", -0.5],
    ["so...5", 5],
    ["version 1.2.3", 3],
    ["about 1.5e3", 1500],
    ["2E-2", 0.02],
    ["3 eggs", 3],
    ["the sums are 1042,100", 100],
    ["+1,042.50 EUR", 1042.5],
    ["50%", 50],
  ];
  assert.deepEqual(last.map(([text]) => [text, lastNumber(text)]), last);
});

Deno.test("format matches a regular expression", async () => {
  const pattern = "^<think>.*</think>\\s*<answer>.*</answer>$";
  const good = "<think>a\nb</think>\n<answer>4</answer>";
  assert.deepEqual(await score(`format:${pattern}`, ...responses(good, good + "!")), [1, 0]);
  await assert.rejects(score("format:("), { name: "UserError", message: /^the reward format:\(/ });
});

Deno.test("length and repetition fall with what is too much", async () => {
  assert.deepEqual(await score("length:4", ...responses("", "abcd", "abcdefgh")), [1, 1, 0.5]);
  const texts = responses("a b c d e", "a b a b a b", "one");
  assert.deepEqual(await score("repetition:2", ...texts), [0, 2 / 5 - 1, 0]);
  await assert.rejects(score("length:no"), /length:200/);
  await assert.rejects(score("repetition:0"), /repetition:3/);
});

Deno.test("profanity and sentiment go by lists of words", async () => {
  assert.deepEqual(await score("profanity", ...responses("what a nice day", "what a shitty day")), [
    0,
    -1,
  ]);
  const [good, bad] = await score(
    "sentiment",
    ...responses("I love it", "This is horrible"),
  ) as number[];
  assert.ok(good > 0.3 && bad < -0.3);
  await assert.rejects(score("profanity:de"), /takes nothing after a colon/);
});

Deno.test("json wants JSON, as a schema describes it", () =>
  withFolder(async (folder) => {
    const schema = join(folder, "schema.json");
    await Deno.writeTextFile(
      schema,
      JSON.stringify({ type: "object", required: ["a"], properties: { a: { type: "number" } } }),
    );
    const texts = responses('{"a": 1}', '```json\n{"a": 1}\n```', '{"a": "1"}', "{a: 1}");
    assert.deepEqual(await score("json", ...texts), [1, 1, 1, 0]);
    assert.deepEqual(await score(`json:${schema}`, ...texts), [1, 1, 0, 0]);
    await assert.rejects(score(`json:${folder}/none`), /cannot read the schema/);
    await Deno.writeTextFile(schema, "[]");
    await assert.rejects(score(`json:${schema}`), /is not a JSON schema/);
  }));

Deno.test("a setting names a ready reward by its whole name", () => {
  assert.deepEqual(readyName("exact"), { name: "exact", argument: "" });
  assert.deepEqual(readyName("judge:http://h/v1?model=m"), {
    name: "judge",
    argument: "http://h/v1?model=m",
  });
  for (const other of ["./exact", "exact/model", "exactly", "onnx:exact", "toString"]) {
    assert.equal(readyName(other), null, other);
  }
});
