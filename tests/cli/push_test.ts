import assert from "node:assert/strict";
import { join } from "node:path";
import { GRANTED } from "../hub/stand_in_hub.ts";
import { withHub } from "../hub/with_hub.ts";
import { train } from "../../lib/runs/loop/train.ts";
import { smallRun } from "../runs/small_run.ts";
import { temper } from "./temper.ts";

Deno.test("a run is pushed, and its adapter used from the hub", async () => {
  await withHub(async ({ hub, inCache }) => {
    const run = inCache("run");
    await train(smallRun(run, { steps: 1 }));
    const env = { HF_ENDPOINT: hub.url, HF_HOME: inCache("."), HF_TOKEN: GRANTED };
    const { code, stdout, stderr } = await temper(["push", run, "me/polite", "--private"], { env });
    assert.deepEqual([code, stderr], [0, ""]);
    assert.match(stdout, /^pushed 8 files \(\d+ kB\): http:\S+\/me\/polite\n$/);
    const files = hub.files("models/me/polite")!;
    const weights = Deno.readFileSync(join(run, "adapter/adapter_model.safetensors"));
    assert.deepEqual(files["adapter_model.safetensors"], weights);
    assert.deepEqual(files["run/metrics.jsonl"], Deno.readFileSync(join(run, "metrics.jsonl")));

    const args = ["push", run, "me/polite", "--revision", "first", "--json"];
    const json = JSON.parse((await temper(args, { env })).stdout);
    assert.deepEqual(json, {
      repo: "me/polite",
      revision: "first",
      url: `${hub.url}/me/polite/tree/first`,
      commit: json.commit,
      files: Object.keys(files),
    });

    const text = ["--device", "wasm", "--threads", "1", "--max-new-tokens", "4", "Hello."];
    const [here, there] = await Promise.all(
      [join(run, "adapter"), "me/polite@first"].map((adapter) =>
        temper(["generate", "--adapter", adapter, ...text], { env })
      ),
    );
    assert.equal(there.code, 0, there.stderr);
    assert.equal(there.stdout, here.stdout);
  });
});

Deno.test("mistakes of a push are one line", async () => {
  await withHub(async ({ hub, inCache }) => {
    const env = { HF_ENDPOINT: hub.url, HF_HOME: inCache(".") };
    const name = await temper(["push", inCache("."), "polite"], { env });
    assert.equal(name.code, 2);
    assert.match(
      name.stderr,
      /^error: "polite" is not a repository of the Hub: expected org\/name/,
    );
    const empty = await temper(["push", inCache("."), "me/polite"], { env });
    assert.equal(empty.code, 1);
    assert.match(
      empty.stderr,
      /^error: \S+ is neither a run with a trained adapter or model nor .*\n$/,
    );
  });
});
