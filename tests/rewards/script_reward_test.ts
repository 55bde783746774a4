import assert from "node:assert/strict";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { UserError } from "../../lib/errors.ts";
import { callReward } from "../../lib/rewards/reward.ts";
import { loadScriptReward } from "../../lib/rewards/script_reward.ts";
import { withTempDir } from "../temp_dir.ts";

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

Deno.test("loadScriptReward: two or three declared parameters are TRL's form", async () => {
  const rows = [{ query: "q", response: "four", columns: { summary: "12345" } }];
  const scripts: Record<string, number[]> = {
    "(prompts, completions) => completions.map((text, i) => text.length + prompts[i].length)": [5],
    "function (_, completions, columns) { return [completions[0].length + columns.summary[0].length]; }":
      [9],
    "async (prompts, completions, { summary }) => await summary.map((text) => text.length)": [5],
  };
  for (const [source, scores] of Object.entries(scripts)) {
    await withScript(`export default ${source};`, async (path) => {
      const { reward } = await loadScriptReward(path);
      assert.deepEqual(await reward(rows), scores, source);
    });
  }
});

Deno.test("loadScriptReward: parameters that would get another one's values are refused", async () => {
  for (
    const source of [
      "(completions, columns) => []",
      "async (completions) => []",
      "function named(completions, prompts) { return []; }",
      "({ prompts, completions }) => []",
      "(prompts, completions = []) => []",
      "(prompts, ...rest) => []",
      "(samples, options) => []",
      "(a, b, c, d) => []",
    ]
  ) {
    await withScript(
      `export default ${source};`,
      (path) =>
        assert.rejects(
          loadScriptReward(path),
          userError(/parameters.*\(samples\) or \(prompts, completions, columns\)/),
          source,
        ),
    );
  }
});

Deno.test("an error of a script names its file and line: at import, in its syntax, when it is called", async () => {
  await withTempDir(async (dir) => {
    const cases = [
      ["thrown.ts", 'const a = 1;\nthrow new Error("no key");\n', 2],
      ["syntax.ts", "export default (s) => {\n  return s.map((x => 1);\n};\n", 2],
      ["import.ts", '\n\nimport "./nope.ts";\n', 3],
      ["call.ts", "export default () => {\n\n\n  return null.length;\n};\n", 4],
    ] as const;
    for (const [name, text, line] of cases) {
      const path = join(dir, name);
      Deno.writeTextFileSync(path, text);
      const use = async () => {
        const { reward } = await loadScriptReward(path);
        await callReward(name, reward, [{ query: "a", response: "b" }]);
      };
      await assert.rejects(use, ({ name: type, message }: Error) => {
        assert.equal(type, "UserError");
        assert.ok(message.endsWith(` (${path}:${line})`), message);
        return true;
      });
    }
  });
});
