import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import {
  type Choices,
  FIRST_CHOICES,
  type PlaygroundKind,
  settingsOf,
} from "../../web/islands/playground/choices.ts";
import {
  hasChatTemplate,
  modelObstacle,
  pathOf,
} from "../../web/islands/playground/picked_files.ts";
import { setsIn } from "../../web/islands/playground/sample_rows.ts";
import { headersFile, playgroundHeaders } from "../../web/page/playground_headers.ts";
import { renderPlayground } from "../../web/page/playground_page.tsx";
import { rowsIn } from "../../web/shared/json_rows.ts";
import { REWARD_FRAME, REWARD_FRAME_POLICY } from "../../web/page/reward_frame.ts";

const GRPO: PlaygroundKind = {
  kind: "grpo",
  title: "GRPO",
  help: "",
  hasRewards: true,
  charts: [],
  stepTimes: [],
};

const DPO: PlaygroundKind = { ...GRPO, kind: "dpo", hasRewards: false };

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
    model: "/models/My-model",
    dataset: "demo/dialogues",
    reward: ["demo/tiny-roberta-toxicity"],
  });
  assert.equal(choose({ model: "own", ownModel }, DPO).dataset, "demo/pairs");
  const ownData = { name: "mine.csv", files: [] };
  assert.deepEqual(
    choose({ data: "own", ownData, textColumn: "text", reward: "script", further: '{"seed": 2}' }),
    { ...T5, dataset: "/data/mine.csv", dialogueColumn: "text", reward: ["mine"], seed: 2 },
  );
  assert.throws(() => choose({ model: "own" }), /^Error: pick a model first$/);
  assert.throws(() => choose({ steps: "many" }), /^Error: `steps` is many, expected a number$/);
  assert.throws(() => choose({ further: "[1]" }), /the further settings are no object/);
  assert.throws(
    () => choose({ steps: "3", further: '{"steps": 4}' }),
    /^Error: `steps` is in the form and in the further settings: leave one of them out$/,
  );
  assert.throws(() => choose({ further: "{" }), /the further settings are no JSON: /);
});

Deno.test("a picked folder is a model, or one sentence says why it is none", async () => {
  const picked = (files: Record<string, string>) => ({
    name: "m",
    files: Object.entries(files).map(([path, text]) => [path, new Blob([text])] as const),
  });
  assert.match(modelObstacle(picked({ "a.txt": "" }))!, /^m has no config\.json: pick the folder/);
  assert.match(modelObstacle(picked({ "config.json": "{}" }))!, /^m has no weights: /);
  const whole = { "config.json": "{}", "model.safetensors": "x" };
  assert.equal(modelObstacle(picked(whole)), null);
  assert.equal(await hasChatTemplate(picked(whole)), false);
  const config = { ...whole, "tokenizer_config.json": '{"chat_template": "{{ messages }}"}' };
  assert.equal(await hasChatTemplate(picked(config)), true);
  assert.equal(await hasChatTemplate(picked({ ...whole, "chat_template.jinja": "" })), true);
  assert.equal(pathOf("classifiers", { name: "a b/c", files: [] }), "/classifiers/a-b-c");
});

Deno.test("samples of a group are seen together; torn lines are left out", () => {
  const rows = rowsIn('{"step":1,"group":0,"query":"q","response":"a"}\n{"st\n7\n');
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
