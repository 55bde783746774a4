import assert from "node:assert/strict";
import { fileURLToPath } from "node:url";
import { demoModelDir, demoRewardDir } from "../demo_model.ts";
import { filesOf, GRANTED, type StandInHub } from "../hub/stand_in_hub.ts";
import { utf8, withHub } from "../hub/with_hub.ts";
import { downloadScreen, formatBytes } from "../../lib/cli/download_screen.ts";
import { temper } from "./temper.ts";

const dialogues = fileURLToPath(new URL("../../demo/dialogues", import.meta.url));

/** Commits the demo under the names of the original notebook. */
function commitDemo(hub: StandInHub): Record<"model" | "reward" | "dataset", string> {
  return {
    model: hub.commit("models/google/flan-t5-base", filesOf(demoModelDir), { access: "gated" }),
    reward: hub.commit("models/facebook/roberta-hate", filesOf(demoRewardDir)),
    dataset: hub.commit("datasets/knkarthick/dialogsum", filesOf(dialogues)),
  };
}

Deno.test("download, and then all commands without a network", async () => {
  await withHub(async ({ hub, inCache }) => {
    const commits = commitDemo(hub);
    const env = { HF_ENDPOINT: hub.url, HF_HOME: inCache("."), HF_TOKEN: GRANTED };
    const repos = ["google/flan-t5-base", "facebook/roberta-hate@main"];
    const models = await temper(["download", ...repos], { env });
    assert.equal(models.code, 0, models.stderr);
    assert.deepEqual(models.stdout.trim().split("\n"), [
      inCache(`hub/models--google--flan-t5-base/snapshots/${commits.model}`),
      inCache(`hub/models--facebook--roberta-hate/snapshots/${commits.reward}`),
    ]);
    assert.match(
      models.stderr,
      /^downloading google\/flan-t5-base \(\d\S* MB\)\ndownloaded google/,
    );
    const args = ["download", "--json", "--type", "dataset", "knkarthick/dialogsum"];
    const [dataset] = JSON.parse((await temper(args, { env })).stdout);
    assert.deepEqual(dataset, {
      repo: "knkarthick/dialogsum",
      revision: "main",
      folder: inCache(`hub/datasets--knkarthick--dialogsum/snapshots/${commits.dataset}`),
    });

    const count = hub.requests.length;
    const output = inCache("run");
    const trained = await temper(
      (`train --model google/flan-t5-base --dataset knkarthick/dialogsum --device wasm --threads 1 --steps 1 ` +
        `--reward facebook/roberta-hate --batch-size 2 --mini-batch-size 2 --max-new-tokens 3 ` +
        `--eval-samples 2 --eval-max-new-tokens 3 --output ${output}`).split(" "),
      { env: { ...env, HF_HUB_OFFLINE: "1" } },
    );
    assert.equal(trained.code, 0, trained.stderr);
    assert.equal(hub.requests.length, count);
    const config = JSON.parse(Deno.readTextFileSync(`${output}/config.json`));
    assert.equal(config.model, "google/flan-t5-base");
    const adapter = JSON.parse(Deno.readTextFileSync(`${output}/adapter/adapter_config.json`));
    assert.equal(adapter.base_model_name_or_path, "google/flan-t5-base");
  });
});

Deno.test("commands download what they need; adapters, too", async () => {
  await withHub(async ({ hub, inCache }) => {
    commitDemo(hub);
    const env = { HF_ENDPOINT: hub.url, HF_HOME: inCache("."), HF_TOKEN: GRANTED };
    const score = await temper([
      "score",
      "--threads",
      "1",
      "--model",
      "facebook/roberta-hate",
      "hi",
    ], { env });
    assert.match(score.stdout, /^hi .*\n\nmaximum 0\.\d+/m);
    assert.match(score.stderr, /^downloading facebook\/roberta-hate \(\d+ kB\)\ndownloaded .*\n$/m);
    hub.commit("models/me/adapter", { "adapter_config.json": utf8("{}") });
    const generate = [
      "generate",
      "--device",
      "wasm",
      "--threads",
      "1",
      "--adapter",
      "me/adapter",
      "hi",
    ];
    const { code, stderr } = await temper(generate, { env });
    assert.equal(code, 1);
    assert.match(stderr, /models--me--adapter.*adapter_config\.json: /);
  });
});

Deno.test("what is on no hub is one line on standard error", async () => {
  await withHub(async ({ hub, inCache }) => {
    const env = { HF_ENDPOINT: hub.url, HF_HOME: inCache(".") };
    const { code, stdout, stderr } = await temper([
      "score",
      "--device",
      "wasm",
      "--model",
      "org/none",
      "hi",
    ], { env });
    assert.deepEqual([code, stdout], [1, ""]);
    assert.match(
      stderr,
      /^error: cannot find the model org\/none, neither as a folder here .*\n$/m,
    );
  });
});

Deno.test("a download on a terminal is a line that redraws itself, now and then", () => {
  let text = "";
  let time = 0;
  const write = (part: string) => void (text += part);
  const out = { interactive: true, color: false, width: 60, write, draw: write };
  const screen = downloadScreen({ out, now: () => time });
  const drawn = (loaded: number) => {
    text = "";
    screen.downloading({ repo: "org/name", loaded, total: 2e6 });
    return text.replace("\r\x1b[2K", "");
  };
  assert.equal(drawn(0), `org/name ${"·".repeat(30)}  0 B of 2.0 MB`);
  time = 50;
  assert.equal(drawn(100), "");
  time = 200;
  assert.match(drawn(1e6), /^org\/name ━+·+ {2}1\.0 MB of 2\.0 MB$/);
  text = "";
  screen.outdated("no network");
  assert.equal(text, "\nno network\n");
  assert.match(drawn(2e6), /^org\/name ━+ {2}2\.0 MB of 2\.0 MB\n$/);
});

Deno.test("sizes for people", () => {
  const sizes = [0, 999, 1000, 9940, 9960, 999_499, 999_500, 990_345_061, 3e12];
  assert.deepEqual(sizes.map(formatBytes), [
    "0 B",
    "999 B",
    "1.0 kB",
    "9.9 kB",
    "10 kB",
    "999 kB",
    "1.0 MB",
    "990 MB",
    "3.0 TB",
  ]);
});
