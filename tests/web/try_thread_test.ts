import assert from "node:assert/strict";
import { existsSync } from "node:fs";
import { join } from "node:path";
import { WasmDevice } from "../../lib/device/wasm/wasm_device.ts";
import { measureToxicity } from "../../lib/evaluation/toxicity.ts";
import { saveAdapter } from "../../lib/models/policy.ts";
import { loadRunPolicy } from "../../lib/runs/loading/policy.ts";
import { loadToxicityClassifier } from "../../lib/runs/loading/rewards.ts";
import { resolveTrainConfig } from "../../lib/runs/settings/config.ts";
import { resolveDpoRunConfig } from "../../lib/runs/settings/preference_config.ts";
import { resolveSftConfig } from "../../lib/runs/settings/sft_config.ts";
import { serveUi } from "../../web/server.ts";
import type { TryEvent } from "../../web/shared/try_events.ts";
import { withTempDir } from "../temp_dir.ts";

const SMALL = { device: "wasm", threads: 2, evalMaxNewTokens: 6 } as const;

/** A dialogue as a request. */
const REQUEST = JSON.stringify({ text: "#Person1#: Hi. #Person2#: Hello." });

/** A site with runs: "ppo", rewarded by a script, "sft" and "dpo". */
interface TrySite {
  /** Folder of the runs. */
  folder: string;
  address: string;
  /** Tries a run's adapter. */
  ask(run: string): Promise<TryEvent[]>;
  /** Ends the server. */
  close(): Promise<void>;
}

/** Runs a test with a site; FOLDER in the reward script is the folder of the runs. */
async function withSite(script: string, body: (site: TrySite) => Promise<void>): Promise<void> {
  await withTempDir(async (folder) => {
    const reward = join(folder, "reward.ts");
    Deno.writeTextFileSync(reward, script.replaceAll("FOLDER", folder));
    await writeRun(join(folder, "ppo"), { ...resolveTrainConfig({ ...SMALL, reward: [reward] }) });
    await writeRun(join(folder, "sft"), { ...resolveSftConfig({ ...SMALL }) });
    await writeRun(join(folder, "dpo"), { ...resolveDpoRunConfig({ ...SMALL }) });
    const options = { runs: folder, host: "127.0.0.1", port: 0, allowed: { reward: [reward] } };
    const server = serveUi(options);
    try {
      await body({
        folder,
        address: server.address,
        ask: (run) => ask(`${server.address}api/runs/${run}/try`),
        close: () => server.close(),
      });
    } finally {
      await server.close();
    }
  });
}

async function ask(address: string): Promise<TryEvent[]> {
  const response = await fetch(address, { method: "POST", body: REQUEST });
  return (await response.text()).trim().split("\n").map((line) => JSON.parse(line));
}

/** Writes a run with settings and an untrained adapter. */
async function writeRun(folder: string, config: Record<string, unknown>): Promise<void> {
  Deno.mkdirSync(folder);
  Deno.writeTextFileSync(join(folder, "config.json"), JSON.stringify(config));
  const device = await WasmDevice.create({ threads: 1 });
  try {
    const { model } = resolveTrainConfig({});
    const policy = await loadRunPolicy(device, resolveTrainConfig({}));
    await saveAdapter(policy, join(folder, "adapter"), model);
  } finally {
    device.close();
  }
}

/** Waits until a file is there. */
async function appears(path: string): Promise<void> {
  while (!existsSync(path)) await new Promise((resolve) => setTimeout(resolve, 5));
}

Deno.test("pages load while a model that is tried keeps its thread busy", async () => {
  const busy = `import { existsSync, writeFileSync } from "node:fs";
    export default (samples: unknown[]) => {
      writeFileSync("FOLDER/busy", "");
      for (const end = Date.now() + 20_000; !existsSync("FOLDER/go") && Date.now() < end;);
      return samples.map(() => 1);
    };`;
  await withSite(busy, async ({ folder, address, ask }) => {
    let answered = false;
    const answer = ask("ppo").finally(() => answered = true);
    await appears(join(folder, "busy"));
    for (const page of ["", "runs/ppo", "runs/ppo/try"]) {
      const response = await fetch(address + page);
      assert.equal(response.status, 200);
      await response.text();
    }
    assert.ok(!answered, "the pages waited for the model");
    Deno.writeTextFileSync(join(folder, "go"), "");
    assert.deepEqual((await answer).map(({ type }) => type), ["running", "answered"]);
  });
});

Deno.test("a model trained on preferences, whose runs have no prompt template, answers the text", async () => {
  await withSite("export default () => [];", async ({ ask }) => {
    const [, dpo] = await ask("dpo");
    assert.ok(dpo.type === "answered", JSON.stringify(dpo));
    for (const { toxicity, reward } of Object.values(dpo.answers)) {
      assert.deepEqual([reward, toxicity], [null, null]);
    }
  });
});

Deno.test("answers come with their toxicity where the run has a classifier for it", async () => {
  const ones = "export default (samples: unknown[]) => samples.map(() => 1);";
  await withSite(ones, async ({ ask }) => {
    const [, ppo] = await ask("ppo");
    assert.ok(ppo.type === "answered", JSON.stringify(ppo));
    const device = await WasmDevice.create({ threads: 1 });
    try {
      const { prompt, toxicLabel, ...settings } = resolveTrainConfig({});
      const classifier = await loadToxicityClassifier(device, { ...settings, toxicLabel });
      const query = prompt.replace("{dialogue}", JSON.parse(REQUEST).text);
      for (const { response, toxicity, reward } of Object.values(ppo.answers)) {
        const texts = [`${query} ${response}`];
        const { toxicities } = await measureToxicity(classifier, texts, { toxicLabel });
        assert.deepEqual([reward, toxicity], [1, toxicities[0]]);
      }
    } finally {
      device.close();
    }
    const [, sft] = await ask("sft");
    assert.ok(sft.type === "answered", JSON.stringify(sft));
    for (const { toxicity, reward } of Object.values(sft.answers)) {
      assert.deepEqual([reward, toxicity], [null, null]);
    }
  });
});

for (
  const [way, end] of [
    ["throws", 'setTimeout(() => { throw new Error("lost") })'],
    ["exits", "Deno.exit(0)"],
  ]
) {
  Deno.test(`a thread that ${way} fails one request in one line, and the next has a new one`, async () => {
    const script = `import { existsSync, writeFileSync } from "node:fs";
      export default (samples: unknown[]) => {
        if (existsSync("FOLDER/once")) return samples.map(() => 1);
        writeFileSync("FOLDER/once", "");
        ${end};
        return new Promise(() => {});
      };`;
    await withSite(script, async ({ ask }) => {
      const [, failed] = await ask("ppo");
      assert.deepEqual(failed, {
        type: "failed",
        reason: "The model failed: the thread ended before it answered. Try again.",
      });
      assert.equal((await ask("ppo"))[1].type, "answered");
    });
  });
}

Deno.test("the server's end does not wait for a model that is busy", async () => {
  const forever = `import { writeFileSync } from "node:fs";
    export default () => {
      writeFileSync("FOLDER/busy", "");
      for (;;);
    };`;
  await withSite(forever, async ({ folder, ask, close }) => {
    const answer = ask("ppo");
    await appears(join(folder, "busy"));
    await close();
    assert.equal((await answer)[1].type, "failed");
  });
});
