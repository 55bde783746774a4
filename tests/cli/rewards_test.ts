import assert from "node:assert/strict";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { permissionFlags } from "../../lib/cli/permissions.ts";
import { present } from "../../lib/cli/present.ts";
import { callReward } from "../../lib/rewards/reward.ts";
import { call, type Outcome, temper, withFolder } from "./temper.ts";

const SMALL = "--batch-size 2 --mini-batch-size 2 --ppo-epochs 1 --eval-samples 2 --save-every 1 " +
  "--max-new-tokens 6 --eval-max-new-tokens 6 --threads 2 --device wasm --steps 4";

/** Trains with a script as reward, in a folder of its own. */
async function trainWith(
  scripts: Record<string, string>,
  check: (outcome: Outcome, read: (file: string) => string, files: string[]) => void,
): Promise<void> {
  await withFolder(async (folder) => {
    for (const [name, source] of Object.entries(scripts)) {
      await Deno.writeTextFile(join(folder, name), source);
    }
    const reward = Object.keys(scripts).map((name) => join(folder, name)).join();
    const output = join(folder, "run");
    const outcome = await temper([
      "train",
      ...SMALL.split(" "),
      "--reward",
      reward,
      "--output",
      output,
    ]);
    const files = Array.from(Deno.readDirSync(output), ({ name }) => name);
    check(outcome, (file) => Deno.readTextFileSync(join(output, file)), files);
  });
}

Deno.test("the scripts of docs/rewards.md run as they are printed", async () => {
  const docs = await Deno.readTextFile(
    fileURLToPath(new URL("../../docs/rewards.md", import.meta.url)),
  );
  const blocks = [...docs.matchAll(/^```ts\n(\/\*\* ([a-z]+\.ts): [\s\S]*?)^```/gm)];
  const scripts = Object.fromEntries(blocks.map(([, source, name]) => [name, source]));
  assert.deepEqual(Object.keys(scripts), ["brevity.ts", "overlap.ts"]);
  await trainWith(scripts, ({ code, stderr }, read) => {
    assert.deepEqual([code, stderr], [0, ""]);
    const [sample] = read("samples.jsonl").split("\n").map((line) => JSON.parse(line || "null"));
    assert.deepEqual(Object.keys(sample.rewards), ["brevity.ts", "overlap.ts"]);
    assert.ok(!("columns" in sample));
  });
});

Deno.test("a reward cannot change what is recorded as said", async () => {
  const source = `export default (samples) => samples.map((sample) => {
    sample.response = "nothing but kind words"; return Math.random(); });`;
  await trainWith({ "vain.ts": source }, ({ code }, read) => {
    assert.equal(code, 0);
    for (const file of ["samples.jsonl", "comparison.csv"]) {
      assert.doesNotMatch(read(file), /nothing but kind words/);
    }
  });
});

/** What a script does in its fourth call, in the third step: one is made before training. */
const ENDINGS: Record<string, { source: string; says: RegExp; code?: number }> = {
  "Deno.exit": { source: "Deno.exit(0)", says: /ended before the command was done/ },
  "Deno.exit with a code": {
    source: "Deno.exit(3)",
    says: /ended before the command was done/,
    code: 3,
  },
  "process.exit": {
    source: "(await import('node:process')).exit()",
    says: /ended before the command was done/,
  },
  "close": { source: "close()", says: /ended before the command was done/ },
  "a promise that never settles": {
    source: "await new Promise(() => {})",
    says: /ended before the command was done/,
  },
  "a rejection that nobody handles": {
    source: "Promise.reject(new Error('no key')); await new Promise((r) => setTimeout(r, 99))",
    says: /uncaught error: no key \(ending\.ts:3\)/,
  },
  "an error in a timer": {
    source:
      "setTimeout(() => { throw new Error('late') }); await new Promise((r) => setTimeout(r, 99))",
    says: /uncaught error: late \(ending\.ts:3\)/,
  },
};

for (const [name, { source, says, code: expected = 1 }] of Object.entries(ENDINGS)) {
  Deno.test(`a reward that ends the run is a line and an exit code: ${name}`, async () => {
    const script = `let calls = 0;
export default async (samples) => {
  if (++calls === 4) { ${source} }
  return samples.map(() => Math.random());
};`;
    await trainWith({ "ending.ts": script }, ({ code, stdout, stderr }, read, files) => {
      assert.deepEqual([code, stderr.trim().split("\n").length], [expected, 1], stderr);
      assert.match(stderr, /^error: .*reward script/);
      assert.match(stderr, says);
      assert.match(stdout, /^step 2\/4 /m);
      const failure = JSON.parse(read("failed.json"));
      assert.match(failure.message, /reward/);
      // close() ends the process a moment later: the third step may be done by then. The checkpoint of
      // the last one may just be written.
      assert.ok([1, 2, 3].includes(failure.step), `${failure.step}`);
      const kept = [1, 2, 3].filter((step) => files.includes(`checkpoint-${step}`));
      assert.ok(kept.length > 0, `${files}`);
    });
  });
}

Deno.test("--reward-allow-net: hosts by name, from the command line alone", async () => {
  const net = async (parsed: Record<string, unknown>) =>
    (await permissionFlags(parsed, {})).find((flag) => flag.startsWith("--allow-net"));
  assert.equal(
    await net({ command: "train", rewardAllowNet: ["a.org", "b:81"] }),
    "--allow-net=a.org,b:81",
  );
  await withFolder(async (folder) => {
    const config = join(folder, "run.json");
    await Deno.writeTextFile(config, '{"rewardAllowNet": ["a.org"]}');
    const { code, stderr } = await call(["permissions", "train", "--config", config]);
    assert.equal(code, 1);
    assert.match(stderr, /there is no setting "rewardAllowNet"/);
    await Deno.writeTextFile(join(folder, "config.json"), '{"rewardAllowNet": ["a.org"]}');
    assert.equal(await net({ command: "train", resume: folder }), undefined);
    assert.equal(await net({ command: "compare", run: folder }), undefined);
  });
  for (const host of ["", "*", "a b", "a,", "http://a.org", "a:x"]) {
    const { code, stderr } = await call(["permissions", "train", "--reward-allow-net", host]);
    assert.deepEqual([code, stderr.trim().split("\n").length], [2, 1], stderr);
    assert.match(stderr, /--reward-allow-net: must be names of hosts/);
  }
  const { stdout } = await call(["permissions", "compare", "r", "--reward-allow-net", "[::1]:80"]);
  assert.match(stdout, /^--allow-net=\[::1\]:80$/m);
});

Deno.test("a reward that may not reach its host is told the option", async () => {
  const denied = new Deno.errors.NotCapable('Requires net access to "a.org:443", run again');
  const error = await callReward("judge.ts", () => Promise.reject(denied), []).catch((e) => e);
  const options = new Set(["--reward-allow-net"]);
  assert.match(
    await present(error, { options, inFile: new Map() }),
    /Requires net access to "a\.org:443".*; for the executable, give --reward-allow-net a\.org:443$/,
  );
});
