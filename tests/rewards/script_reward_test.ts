import assert from "node:assert/strict";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { UserError } from "../../lib/errors.ts";
import { loadScriptReward } from "../../lib/rewards/script_reward.ts";

const samples = [{ query: "q", response: "four" }];

/** Writes a module into a folder of its own (with characters a URL must escape) and hands it on. */
async function withScript(source: string, fn: (path: string) => Promise<void>): Promise<void> {
  const folder = await mkdtemp(join(tmpdir(), "temper reward #"));
  try {
    const path = join(folder, "my_reward.ts");
    await writeFile(path, source);
    await fn(path);
  } finally {
    await rm(folder, { recursive: true });
  }
}

function userError(pattern: RegExp): (error: Error) => boolean {
  return (error) => {
    assert.ok(error instanceof UserError);
    assert.match(error.message, pattern);
    assert.doesNotMatch(error.message, /\n/);
    return true;
  };
}

Deno.test("loadScriptReward: the default export", async () => {
  await withScript(
    "export default (s: { response: string }[]) => s.map((x) => x.response.length);",
    async (path) => {
      const { name, reward } = await loadScriptReward(path);
      assert.equal(name, "my_reward.ts");
      assert.deepEqual(await reward(samples), [4]);
    },
  );
});

Deno.test("loadScriptReward: an export called reward", async () => {
  await withScript("export async function reward() { return await [7]; }", async (path) => {
    const { reward } = await loadScriptReward(path);
    assert.deepEqual(await reward(samples), [7]);
  });
});

Deno.test("loadScriptReward: a missing file, and a folder in its place", async () => {
  await assert.rejects(
    loadScriptReward("no/such.ts"),
    userError(/no reward script at no\/such\.ts/),
  );
  await assert.rejects(loadScriptReward(tmpdir()), userError(/no reward script/));
});

Deno.test("loadScriptReward: a module without the export names those it has", async () => {
  await withScript(
    "export const score = 1, other = 2;",
    (path) => assert.rejects(loadScriptReward(path), userError(/exports other, score.*default/)),
  );
  await withScript(
    "export {};",
    (path) => assert.rejects(loadScriptReward(path), userError(/exports nothing/)),
  );
});

Deno.test("loadScriptReward: a module that does not load says why", async () => {
  await withScript(
    "export default (",
    (path) => assert.rejects(loadScriptReward(path), userError(/my_reward\.ts does not load: ./)),
  );
  await withScript(
    "throw new Error('no key');",
    (path) => assert.rejects(loadScriptReward(path), userError(/does not load: no key/)),
  );
});
