import assert from "node:assert/strict";
import { pathToFileURL } from "node:url";
import { denoVersion, mayRunModules, runModule } from "../../lib/platform/subprocess.ts";

/** Runs a module's code. */
async function run(code: string, options?: Parameters<typeof runModule>[1]) {
  const path = await Deno.makeTempFile({ suffix: ".ts" });
  try {
    await Deno.writeTextFile(path, code);
    return (await runModule(pathToFileURL(path), options))!;
  } finally {
    await Deno.remove(path);
  }
}

Deno.test("a module runs in a process of its own, without permissions", async () => {
  const state = `Deno.permissions.querySync({ name: "read" }).state`;
  const { success, stdout } = await run(
    `console.log(await new Response(Deno.stdin.readable).text(), ${state}, Deno.version.deno);`,
    { input: "given" },
  );
  assert.ok(success);
  assert.equal(stdout, `given prompt ${denoVersion()}\n`);
});

Deno.test("what a module printed before it crashed or was ended is kept", async () => {
  const thrown = await run(`console.log("begun"); throw new Error("broken");`, { input: "unread" });
  assert.deepEqual([thrown.success, thrown.stdout], [false, "begun\n"]);
  assert.match(thrown.stderr, /Error: broken/);
  const endless = `console.log("begun"); setInterval(() => {}, 1000);`;
  const ended = await run(endless, { timeoutMs: 3000 });
  assert.deepEqual([ended.success, ended.stdout], [false, "begun\n"]);
});

Deno.test("a process that may start none is not asked", () => {
  assert.ok(mayRunModules());
  const { stdout } = new Deno.Command(Deno.execPath(), {
    args: [
      ...["eval", "--no-check"],
      `import { runModule } from "${import.meta.resolve("../../lib/platform/subprocess.ts")}";
      Deno.permissions.revokeSync({ name: "run" });
      console.log(await runModule(new URL("file:///none.ts")));`,
    ],
    stderr: "inherit",
  }).outputSync();
  assert.equal(new TextDecoder().decode(stdout), "null\n");
});
