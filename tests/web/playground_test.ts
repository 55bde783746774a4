import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import {
  type Choices,
  FIRST_CHOICES,
  misfitOf,
  type PlaygroundKind,
  settingsOf,
  withKind,
  withModel,
} from "../../web/islands/playground/choices.ts";
import { ownFilesOf } from "../../web/islands/playground/own_files.ts";
import { modelObstacle, pathOf } from "../../web/islands/playground/picked_files.ts";
import {
  measuredText,
  readRunFiles,
  textOf,
  textsIn,
} from "../../web/islands/playground/run_files.ts";
import { canBeTried, hasEnded, type Phase } from "../../web/islands/playground/run_state.ts";
import { addressOf, FIRST_WORK } from "../../web/islands/playground/work_state.ts";
import { sentenceOf } from "../../web/islands/playground/sentence.ts";
import { setsIn } from "../../web/islands/playground/sample_rows.ts";
import { headersFile, playgroundHeaders } from "../../web/page/playground_headers.ts";
import { renderPlayground } from "../../web/page/playground_page.tsx";
import { repeatedName, rowsIn } from "../../web/shared/json_rows.ts";
import { REWARD_FRAME, REWARD_FRAME_POLICY } from "../../web/page/reward_frame.ts";

const GRPO: PlaygroundKind = {
  kind: "grpo",
  title: "GRPO",
  help: "",
  hasRewards: true,
  hasTextColumn: true,
  demo: { model: "demo/tiny-chat", dataset: "demo/additions" },
  writes: true,
  charts: [],
  stepTimes: [],
};

const PPO: PlaygroundKind = {
  ...GRPO,
  kind: "ppo",
  demo: { model: "demo/tiny-flan-t5", dataset: "demo/dialogues" },
};
const DPO: PlaygroundKind = {
  ...PPO,
  kind: "dpo",
  hasRewards: false,
  hasTextColumn: false,
  demo: { model: "demo/tiny-flan-t5", dataset: "demo/pairs" },
};
const REWARD: PlaygroundKind = {
  ...DPO,
  kind: "reward",
  demo: { model: "demo/tiny-roberta-toxicity", dataset: "demo/pairs" },
  writes: false,
};

Deno.test("settingsOf leaves what was not chosen to the command line's defaults", () => {
  const choose = (change: Partial<Choices>, kind = GRPO) =>
    settingsOf({ ...FIRST_CHOICES, kind: kind.kind, ...change }, kind);
  const T5 = { device: "auto", model: "demo/tiny-flan-t5" };
  assert.deepEqual(choose({}), T5);
  assert.deepEqual(choose({}, DPO), T5);
  assert.deepEqual(choose({ model: "demo/tiny-chat", steps: "3", seed: " 7 " }), {
    device: "auto",
    model: "demo/tiny-chat",
    steps: 3,
    seed: 7,
  });
  const ownModel = { name: "My model", files: [] };
  assert.deepEqual(choose({ model: "own", ownModel }), {
    device: "auto",
    model: "./models/My-model",
    dataset: "demo/dialogues",
    reward: ["demo/tiny-roberta-toxicity"],
  });
  assert.equal(choose({ model: "own", ownModel }, DPO).dataset, "demo/pairs");
  const ownData = { name: "mine.csv", files: [] };
  assert.deepEqual(
    choose({ data: "own", ownData, textColumn: "text", reward: "script", further: '{"seed": 2}' }),
    { ...T5, dataset: "./data/mine.csv", dialogueColumn: "text", reward: ["mine"], seed: 2 },
  );
  assert.deepEqual(choose({ model: "demo/tiny-chat" }, PPO), {
    device: "auto",
    model: "demo/tiny-chat",
    dataset: "demo/additions",
    reward: ["number"],
  });
  // Not a setting of every algorithm.
  const pairs = { name: "pairs.jsonl", files: [] };
  assert.deepEqual(choose({ data: "own", ownData: pairs, textColumn: "text" }, DPO), {
    ...T5,
    dataset: "./data/pairs.jsonl",
  });
  assert.deepEqual(choose({ further: '{"device": "wasm"}' }), { ...T5, device: "wasm" });
  assert.throws(() => choose({ model: "own" }), /^Error: pick a model first$/);
  assert.throws(() => choose({ steps: "many" }), /^Error: `steps` is many, expected a number$/);
  assert.throws(() => choose({ further: "[1]" }), /the further settings are no object/);
  assert.throws(
    () => choose({ steps: "3", further: '{"steps": 4}' }),
    /^Error: `steps` is in the form and in the further settings: leave one of them out$/,
  );
  assert.throws(
    () => choose({ further: '{"model": "demo/tiny-chat"}' }),
    /^Error: `model` is in the form and in the further settings: /,
  );
  assert.throws(() => choose({ further: "{" }), /the further settings are not JSON: /);
  assert.throws(
    () => choose({ further: '{"batchSize": 8, "loraR": 4, "batchSize": 16}' }),
    /^Error: `batchSize` appears twice in the further settings: leave one of them out$/,
  );
});

Deno.test("a name that JSON has twice is found in whatever object has it", () => {
  assert.equal(repeatedName('{"a": 1, "b": {"a": 2}, "c": [{"a": 3}, {"a": 4}]}'), null);
  assert.equal(repeatedName('{"a": [{"x": 1}, {"b": 1, "c": 2, "b": 3}]}'), "b");
  assert.equal(repeatedName('{"a\\"}": "a", "b": "{\\"b\\": 1}", "\\u0061\\"}" : 1}'), 'a"}');
  assert.equal(repeatedName('["a", "a"]'), null);
});

Deno.test("the demo's models are those that the algorithm trains; one that its data do not suit says so", () => {
  assert.equal(withKind(FIRST_CHOICES, REWARD).model, "demo/tiny-roberta-toxicity");
  assert.equal(withKind(withKind(FIRST_CHOICES, REWARD), DPO).model, "demo/tiny-flan-t5");
  const own = { ...FIRST_CHOICES, model: "own" as const };
  assert.equal(withKind(own, REWARD).model, "own");
  const chat = { ...FIRST_CHOICES, model: "demo/tiny-chat" as const };
  assert.match(misfitOf({ ...chat, kind: "dpo" }, DPO)!, /^The demo's pairs are summaries /);
  const sft = { ...DPO, kind: "sft", demo: PPO.demo };
  assert.match(misfitOf({ ...chat, kind: "sft" }, sft)!, /^The demo's texts are summaries /);
  assert.equal(misfitOf(chat, GRPO), null);
  assert.equal(misfitOf({ ...chat, kind: "dpo", data: "own" }, DPO), null);
});

Deno.test("the demo's chat model is trained by the first algorithm that is made for it", () => {
  const kinds = [PPO, GRPO, { ...GRPO, kind: "rloo" }, DPO];
  const chat = withModel(FIRST_CHOICES, "demo/tiny-chat", kinds);
  assert.deepEqual([chat.model, chat.kind], ["demo/tiny-chat", "grpo"]);
  const own = withModel({ ...FIRST_CHOICES, kind: "dpo" }, "own", kinds);
  assert.deepEqual([own.model, own.kind], ["own", "dpo"]);
});

Deno.test("algorithms bring the demo that their settings have by default", () => {
  const [, props] = /data-props="([^"]*)"/.exec(renderPlayground({ script: "c.js", pages: [] }))!;
  const { kinds } = JSON.parse(props.replaceAll("&quot;", '"').replaceAll("&amp;", "&"));
  const demos = kinds.map(({ kind, demo }: PlaygroundKind) => [kind, demo.model, demo.dataset]);
  assert.deepEqual(demos.sort(), [
    ["dpo", "demo/tiny-flan-t5", "demo/pairs"],
    ["grpo", "demo/tiny-chat", "demo/additions"],
    ["kto", "demo/tiny-flan-t5", "demo/pairs"],
    ["orpo", "demo/tiny-flan-t5", "demo/pairs"],
    ["ppo", "demo/tiny-flan-t5", "demo/dialogues"],
    ["reward", "demo/tiny-roberta-toxicity", "demo/pairs"],
    ["rloo", "demo/tiny-chat", "demo/additions"],
    ["sft", "demo/tiny-flan-t5", "demo/dialogues"],
  ]);
});

Deno.test("files of the user's that a run's settings name", () => {
  const named = {
    model: "./models/my-model",
    dataset: "./data/a.csv",
    reward: ["number", "./classifiers/tox", "/rewards/mine.js"],
    toxicityModel: "./classifiers/tox",
    prompt: "see /data/b.csv",
    steps: 3,
  };
  assert.deepEqual(ownFilesOf(named), [
    { kind: "models", path: "./models/my-model", name: "my-model" },
    { kind: "data", path: "./data/a.csv", name: "a.csv" },
    { kind: "classifiers", path: "./classifiers/tox", name: "tox" },
  ]);
  assert.deepEqual(ownFilesOf({ model: "demo/tiny-chat", reward: null }), []);
});

Deno.test("a run's files say what was measured, compared and trained", async () => {
  const files = {
    "config.json": '{"prompt": "Summarize: {dialogue}\\nSummary:"}',
    "log.txt": "2026-11-28T18:00:00Z  toxicity before training: 0.39 ± 0.49\n" +
      "2026-11-28T18:00:09Z  a note\n2026-11-28T18:00:10Z  toxicity after training: 0.10 ± 0.30\n",
    "comparison.csv": "query,response_before,response_after,reward_before,reward_after," +
      "reward_diff\r\nSummarize: A: Hi. Summary:</s>,bad,good,-1,2,3\r\n",
    "samples.jsonl": '{"step":1,"query":"another"}\n',
    "adapter/adapter_config.json": "{}",
  };
  const bodies = Object.entries(files).map(([path, text]) => ({ path, body: new Blob([text]) }));
  const paths = Object.keys(files);
  const run = readRunFiles(await textsIn(bodies), paths);
  assert.deepEqual(run.measured, { before: "toxicity 0.39 ± 0.49", after: "toxicity 0.10 ± 0.30" });
  assert.equal(run.comparison?.rows[0].after, "good");
  assert.equal(run.trained, "adapter");
  assert.equal(textOf(run), "A: Hi.");

  // Without a template, the dataset's own prompt.
  const pair = { prompt: "q", chosen: "a", rejected: "b" };
  const change = { chosen: 1, rejected: 0 };
  const read = (file: string) =>
    ({
      "samples.jsonl": '{"step":1,"query":"Two\\nlines"}\n',
      "answers.jsonl": '{"query":"Two lines</s>","before":"a","after":"b"}\n',
    })[file] ?? null;
  assert.equal(textOf(readRunFiles(read, [])), "Two\nlines");
  const pairs = readRunFiles(
    () => JSON.stringify({ ...pair, before: change, after: change }) + "\n",
    ["model/config.json"],
  );
  assert.deepEqual([pairs.pairs.length, pairs.comparison, pairs.trained], [1, null, "model"]);
});

Deno.test("a run that has ended can be tried where it trained an adapter that writes", () => {
  const phases: Phase[] = ["starting", "paused", "stopped", "failed", "finished"];
  assert.deepEqual(phases.map((phase) => hasEnded({ phase })), [false, false, true, true, true]);
  const run = { phase: "finished", kind: GRPO, trained: "adapter" } as const;
  assert.ok(canBeTried(run));
  assert.ok(!canBeTried({ ...run, phase: "stopped" }));
  assert.ok(!canBeTried({ ...run, kind: REWARD }));
  assert.ok(!canBeTried({ ...run, trained: "model" }));
});

Deno.test("messages of errors are sentences, with the advice that a page can give", () => {
  assert.equal(sentenceOf("pick a model first"), "Pick a model first.");
  assert.equal(sentenceOf("learningRate is given twice"), "learningRate is given twice.");
  assert.equal(sentenceOf("`steps` is many"), "`steps` is many.");
  assert.equal(
    sentenceOf("the reward does not load: Invalid url."),
    "The reward does not load: Invalid url.",
  );
  assert.equal(
    sentenceOf('/data/a.csv has no column "x": name one of its columns with `dialogueColumn`: "a"'),
    '/data/a.csv has no column "x": name one of its columns with Column of the text: "a".',
  );
  assert.equal(
    sentenceOf(
      "cannot download the dataset a/b from https://huggingface.co: Failed to fetch; check",
    ),
    "Cannot download the dataset a/b from https://huggingface.co: this page downloads from its " +
      "own server alone; pick the files on your machine instead.",
  );
  assert.equal(
    sentenceOf(
      "the run's model is /m, a folder of the trainer's machine: give `model`, the same one here",
    ),
    "The run's model is /m, a folder of the trainer's machine: pick a copy of it here.",
  );
  assert.equal(sentenceOf("did you mean x?"), "Did you mean x?");
});

Deno.test("the address of a server to work at has the user and password in it", () => {
  const of = (address: string, user = "", password = "") =>
    addressOf({ ...FIRST_WORK, address, user, password });
  assert.equal(of(" ws://a:1 "), "ws://a:1");
  assert.equal(of("ws://a:1", "me", "p@s/$&"), "ws://me:p%40s%2F%24%26@a:1");
  assert.equal(of("wss://other:one@a/b", "token"), "wss://token@a/b");
});

Deno.test("the label of a measurement is not said twice", () => {
  assert.equal(
    measuredText("before training: loss 0.69, margin 0", "before"),
    "loss 0.69, margin 0",
  );
  assert.equal(measuredText("toxicity after training: 0.39", "after"), "toxicity 0.39");
});

Deno.test("a picked folder is a model, or one sentence says why it is none", () => {
  const picked = (files: Record<string, string>) => ({
    name: "m",
    files: Object.entries(files).map(([path, text]) => [path, new Blob([text])] as const),
  });
  assert.match(modelObstacle(picked({ "a.txt": "" }))!, /^m has no config\.json: pick the folder/);
  assert.match(modelObstacle(picked({ "config.json": "{}" }))!, /^m has no weights: /);
  const whole = { "config.json": "{}", "model.safetensors": "x" };
  assert.equal(modelObstacle(picked(whole)), null);
  assert.equal(pathOf("classifiers", { name: "a b/c", files: [] }), "./classifiers/a-b-c");
});

Deno.test("samples of a group are seen together; torn lines are left out", () => {
  const rows = rowsIn('{"step":1,"group":0,"query":"q","response":"a"}\n{"st\n7\n[1]\n');
  assert.equal(rows.length, 1);
  const sets = setsIn(1, [...rows, { ...rows[0], response: "b" }, { query: "p", response: "c" }]);
  assert.deepEqual(sets.map((set) => set.map(({ response }) => response)), [["a", "b"], ["c"]]);
  assert.equal(sets[1][0].step, 1);
});

Deno.test("the page and the frame of rewards have strict policies, wherever they are served", () => {
  const html = renderPlayground({ script: "client.js", pages: [] });
  const policy = playgroundHeaders("temper-worker.js")["content-security-policy"];
  const header = playgroundHeaders("index.html")["content-security-policy"];
  assert.equal(header, `${policy}; frame-ancestors 'none'`);
  assert.ok(html.includes(policy.replaceAll("'", "&#39;")) || html.includes(policy));
  assert.doesNotMatch(policy, /'unsafe-|\*|https?:/);
  assert.match(policy, /connect-src 'self';/);
  // Its own worker alone may open WebSockets, and the page that starts it may not.
  assert.equal(playgroundHeaders("work.html")["content-security-policy"], header);
  assert.equal(
    playgroundHeaders("work-worker.js")["content-security-policy"],
    policy.replace("connect-src 'self';", "connect-src 'self' ws: wss:;"),
  );
  const [, style, rest] = /^.*?<style>([^<]*)<\/style>(.*)$/s.exec(html)!;
  const hash = createHash("sha256").update(style).digest("base64");
  assert.ok(policy.includes(`; style-src 'sha256-${hash}';`));
  assert.doesNotMatch(rest, /<style|<link| style=| on\w+="/);
  assert.ok(REWARD_FRAME.includes(REWARD_FRAME_POLICY));
  assert.doesNotMatch(REWARD_FRAME_POLICY, /'self'|unsafe|connect-src|\*/);
  assert.equal(
    playgroundHeaders("reward.html")["content-security-policy"],
    `${REWARD_FRAME_POLICY}; frame-ancestors 'self'`,
  );
  const file = headersFile();
  assert.match(file, /^\/\*\n( {2}[\w-]+: .*\n)*? {2}cross-origin-embedder-policy: require-corp\n/);
  assert.ok(file.includes(`/temper-worker.js\n  content-security-policy: ${policy}\n`));
  assert.ok(
    file.includes(`/reward.html\n  content-security-policy: ${REWARD_FRAME_POLICY}; frame-`),
  );
});
