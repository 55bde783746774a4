import assert from "node:assert/strict";
import { fileURLToPath } from "node:url";
import { demoModelDir, demoRewardDir } from "../demo_model.ts";
import { filesOf } from "../hub/stand_in_hub.ts";
import { withHub } from "../hub/with_hub.ts";
import { call, temper } from "./temper.ts";

const dialogues = fileURLToPath(new URL("../../demo/dialogues", import.meta.url));
const MISSION = ["verify", "--mission", "--device", "wasm"];

Deno.test("models of the notebook's names with other weights fail by name, and in the exit code", () =>
  withHub(async ({ hub, inCache }) => {
    hub.commit("models/google/flan-t5-base", filesOf(demoModelDir));
    hub.commit(
      "models/facebook/roberta-hate-speech-dynabench-r4-target",
      filesOf(demoRewardDir),
    );
    hub.commit("datasets/knkarthick/dialogsum", filesOf(dialogues));
    const env = { HF_ENDPOINT: hub.url, HF_HOME: inCache(".") };
    const { code, stdout, stderr } = await temper(MISSION, { env });
    assert.equal(code, 1);
    assert.deepEqual(stdout.trim().split("\n").map((line) => line.replace(/ \(\d.* s\)$/, "")), [
      "FAILED  wasm    rows of the dataset            1280 + 320 to train and test on, not 8017 + 2005",
      "FAILED  wasm    parameters with an adapter     98304 of 1066752 trainable, not 3538944 of 251116800",
      "FAILED  wasm    parameters with a value head   98433 trainable, not 3539713",
      "FAILED  wasm    logits of the harmless text    the logit of nothate is 4.1461, not 3.1141",
      "FAILED  wasm    toxicity of the harmless text  the probability of hate is 0.000302, not 0.003671",
      "FAILED  wasm    logits of the toxic text       the logit of nothate is -3.9659, not -0.6921",
      "FAILED  wasm    toxicity of the toxic text     the probability of hate is 0.999571, not 0.743528",
      stdout.trim().split("\n")[7].replace(/ \(\d.* s\)$/, ""),
    ]);
    assert.match(stdout, /^ok {6}wasm {4}a PPO step .* ratio exactly 1 for \d+ tokens/m);
    assert.match(stderr, /^error: 7 of 8 facts do not hold: wasm rows of the dataset, .*\n$/m);

    // What is here is not downloaded again; JSON says the same.
    const requests = hub.requests.length;
    const again = await temper([...MISSION, "--json"], { env: { ...env, HF_HUB_OFFLINE: "1" } });
    const { model, dtype, results } = JSON.parse(again.stdout);
    assert.deepEqual([model, dtype], ["google/flan-t5-base", "bf16"]);
    assert.equal(results.filter(({ passed }: { passed: boolean }) => passed).length, 1);
    assert.equal(hub.requests.length, requests);
  }));

Deno.test("without a network there is one line that says so", () =>
  withHub(async ({ inCache }) => {
    const env = { HF_HUB_OFFLINE: "1", HF_HOME: inCache(".") };
    const { code, stdout, stderr } = await temper(MISSION, { env });
    assert.deepEqual([code, stdout], [1, ""]);
    assert.match(stderr, /^error: HF_HUB_OFFLINE is set and the model google\/flan-t5-base .*\n$/);
  }));

Deno.test("--mission has models of its own", async () => {
  const { code, stderr } = await call([...MISSION, "--model", "demo/tiny-flan-t5"]);
  assert.equal(code, 1);
  assert.match(stderr, /^error: --mission checks google\/flan-t5-base: leave --model out\n$/);
});

Deno.test("permissions of --mission are those of its three names on the Hub", async () => {
  const { stdout } = await call(["permissions", ...MISSION]);
  assert.match(stdout, /^--allow-net=huggingface\.co,/m);
  assert.match(
    stdout,
    /^--allow-read=.*google\/flan-t5-base,facebook\/roberta-hate\S+,knkarthick/m,
  );
  assert.doesNotMatch((await call(["permissions", "verify"])).stdout, /allow-net/);
});
