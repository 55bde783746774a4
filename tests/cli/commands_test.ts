import assert from "node:assert/strict";
import { savePolicy } from "../../lib/models/policy.ts";
import { resolveTrainConfig } from "../../lib/runs/settings/config.ts";
import { loadRunPolicy } from "../../lib/runs/loading/policy.ts";
import { withDevice } from "../device.ts";
import { call, temper, withFolder } from "./temper.ts";

const device = ["--threads", "1"];
const DIALOGUE =
  "#Person1#: Hello, Karen. Nice to see you.\n#Person2#: Good to see you too, Alice.\n" +
  "#Person1#: I heard that you stayed at the hotel last Saturday. What did you think?\n" +
  "#Person2#: I didn't like it because the room was noisy.";

Deno.test("params counts as PEFT does", async () => {
  const { stdout } = await call(["params", "--json"]);
  assert.deepEqual(JSON.parse(stdout), {
    adapter: { trainable: 98304, all: 1066752 },
    withValueHead: { trainable: 98433, all: 1066881 },
  });
  const text = await call(["params"]);
  assert.match(text.stdout, /^percentage of trainable model parameters: 9.22%$/m);
});

Deno.test("score gives logits, probabilities and toxicity", async () => {
  const args = ["score", "--json", ...device, "What a lovely day.", "You are dumb and stupid."];
  const { texts, maximum, ratio } = JSON.parse((await call(args)).stdout);
  assert.deepEqual(Object.keys(texts[0].logits), ["nothate", "hate"]);
  assert.ok(texts[0].toxicity < 0.1 && texts[1].toxicity > 0.9);
  assert.equal(texts[1].toxicity, texts[1].probabilities.hate);
  assert.equal(maximum, texts[1].toxicity);
  assert.equal(ratio, 0.5);
});

Deno.test("score takes a text from each line of standard input", async () => {
  const { code, stdout } = await temper(["score", ...device], { input: "one\n\ntwo\n" });
  assert.equal(code, 0);
  assert.match(stdout, /^one .*\ntwo .*\n\nmaximum 0\.\d+ {2}ratio 0\.0000\n$/m);
});

Deno.test("standard input that is not UTF-8 is refused", async () => {
  const input = Uint8Array.of(0x47, 0x72, 0xfc, 0xdf, 0x65);
  assert.deepEqual(await temper(["score"], { input }), {
    code: 1,
    stdout: "",
    stderr: "error: standard input is not UTF-8: line 1 has the byte 0xFC, at 2 from its start; " +
      "save it as UTF-8\n",
  });
});

Deno.test("score names the labels there are", async () => {
  const { code, stderr } = await call(["score", "--toxic-label", "rude", "hello"]);
  assert.equal(code, 1);
  assert.match(stderr, /"rude".*nothate, hate/);
});

Deno.test("generate responds to each text; greedy unless told to sample", async () => {
  const args = ["generate", ...device, "--max-new-tokens", "12", DIALOGUE, DIALOGUE];
  const { stdout } = await call(args);
  const [first, second] = stdout.trimEnd().split("\n");
  assert.equal(first, second);
  assert.match(first, /^\S+ tells #Person1# that /);
  const sampled = await call([...args, "--sample", "--temperature", "3", "--json"]);
  const [a, b] = JSON.parse(sampled.stdout);
  assert.equal(a.text, DIALOGUE);
  assert.notEqual(a.response, b.response);
});

Deno.test("evaluate measures as many prompts as asked for", async () => {
  const args = ["evaluate", ...device, "--eval-samples", "3", "--eval-max-new-tokens", "5"];
  const { stdout } = await call([...args, "--json"]);
  const { count, samples, mean, interval } = JSON.parse(stdout);
  assert.equal(count, 3);
  assert.equal(samples.length, 3);
  assert.ok(interval[0] <= mean && mean <= interval[1]);
  assert.match((await call(args)).stdout, /^toxicity: 0\.\d{4} ± 0\.\d{4} \(3 prompts, 95 %/);
});

Deno.test("compare names an adapter that is not there", async () => {
  const { code, stderr } = await call(["compare", "--adapter", "nowhere"]);
  assert.equal(code, 1);
  assert.match(stderr, /nowhere/);
});

Deno.test("compare prints a table that fits, CSV, JSON or Markdown", async () => {
  await withFolder(async (folder) => {
    await withDevice(async (device) => {
      const config = resolveTrainConfig();
      await savePolicy(await loadRunPolicy(device, config), folder, config.model);
    });
    const args = ["compare", ...device, "--adapter", folder, "--samples", "2"];
    const short = [...args, "--eval-max-new-tokens", "4"];
    const table = (await call(short)).stdout;
    assert.match(table, /^query +response before +response after +before +after +diff$/m);
    for (const line of table.split("\n")) assert.ok(line.length <= 100, line);
    const csv = (await call([...short, "--format", "csv"])).stdout;
    assert.match(csv, /^query,response_before,.*\r\n/);
    const rows = JSON.parse((await call([...short, "--json"])).stdout);
    assert.deepEqual(rows.map((row: Record<string, unknown>) => row.reward_diff), [0, 0]);
    const markdown = (await call([...short, "--format", "markdown"])).stdout;
    assert.equal(markdown.trimEnd().split("\n").length, 4);
  });
});

Deno.test("doctor describes the machine", async () => {
  const text = await call(["doctor", "--no-self-test"]);
  assert.equal(text.code, 0);
  assert.match(text.stdout, /^wasm {6}threads share memory/m);
  assert.match(text.stdout, /^webgpu {4}(WebGPU, |no adapter: install )/m);
  const { machine, checks } = JSON.parse(
    (await call(["doctor", "--no-self-test", "--json"])).stdout,
  );
  assert.equal(machine.deno, Deno.version.deno);
  assert.deepEqual(checks, []);
});

Deno.test("a run of another kind is compared whatever its batches are", () =>
  withFolder(async (folder) => {
    const settings = { kind: "grpo", model: "demo/tiny-chat", batchSize: 8, miniBatchSize: 128 };
    await Deno.writeTextFile(`${folder}/config.json`, JSON.stringify(settings));
    const { code, stderr } = await call(["compare", folder, "--device", "wasm"]);
    assert.equal(code, 1);
    assert.match(stderr, /^error: cannot read .*\/adapter: it does not exist/m);
  }));

Deno.test("compare says where the comparison of a reward model is", () =>
  withFolder(async (folder) => {
    await Deno.writeTextFile(`${folder}/config.json`, '{ "kind": "reward" }');
    const { code, stderr } = await call(["compare", folder]);
    assert.equal(code, 1);
    assert.match(stderr, /^error: .* trained a reward model, .*\/pairs\.jsonl has its test pairs/);
  }));
