import assert from "node:assert/strict";
import { join } from "node:path";
import settings from "../../deno.json" with { type: "json" };
import { FOUND, listFiles, READ, ROOT, run, stageProgram, version } from "../../scripts/program.ts";
import { withFolder } from "../cli/temper.ts";

/** The files of the program's own that its sources name. */
async function namedFiles(): Promise<string[]> {
  const named: string[] = [];
  for (const folder of ["lib", "web", "bench", "kernels"]) {
    for (const [path] of await listFiles(join(ROOT, folder))) {
      if (!/\.tsx?$/.test(path)) continue;
      // A bundle for pages has its own place, and its files lie beside it.
      if (`/${folder}/${path}`.includes("/browser/")) continue;
      const text = await Deno.readTextFile(join(ROOT, folder, path));
      named.push(...[...text.matchAll(/\(\s*"((?:lib|web)\/[^"]+)",?\s*\)/g)].map(([, p]) => p));
      // The generator of a kernel's source is not part of the program.
      if (path.endsWith("_generate.ts")) continue;
      assert.ok(!text.includes("import.meta.url"), `${folder}/${path}: use assets.ts`);
    }
  }
  return named;
}

Deno.test("executables carry every file that the program starts or reads", async () => {
  const named = await namedFiles();
  assert.ok(named.includes("lib/device/wasm/kernels.wasm"));
  const carried = [...FOUND, ...READ];
  assert.deepEqual(named.filter((path) => !carried.includes(path)), []);
  await withFolder(async (folder) => {
    await stageProgram(folder);
    const files = new Map(await listFiles(folder));
    for (const path of [...FOUND, "demo/dialogues/test.csv"]) {
      assert.ok(files.has(path), path);
    }
    const printed = await run(folder, Deno.execPath(), ["run", "-A", "cli.js", "--version"]);
    assert.equal(printed, settings.version + "\n");
  });
});

Deno.test("the version is written in deno.json alone", async () => {
  assert.equal(await version(), settings.version);
  const tracked = await run(ROOT, "git", [
    "grep",
    "-lF",
    `"${settings.version}"`,
    "--",
    "*.ts",
    "*.json",
  ]);
  assert.deepEqual(tracked.trim().split("\n"), ["deno.json"]);
});

Deno.test("deno compile embeds the same files, with the permission sets of deno.json", async () => {
  // Deno's runtime for executables cannot be had here: with Deno itself in its place, all but the
  // result's start is tested.
  const denort = Deno.execPath();
  const { success, stdout, stderr } = await new Deno.Command(denort, {
    args: ["task", "compile"],
    cwd: ROOT,
    env: { DENORT_BIN: denort, NO_COLOR: "1" },
  }).output();
  const said = new TextDecoder().decode(stdout) + new TextDecoder().decode(stderr);
  assert.ok(success, said);
  for (const name of ["demo/", "dist/", "lib/", "web/"]) {
    assert.ok(said.includes(`── ${name}`), said);
  }
  const output = join(ROOT, `dist/temper-${settings.version}-${Deno.build.target}-compiled`);
  const baked = /"permissions":(\{[^{}]*\})/.exec(
    new TextDecoder("latin1").decode(await Deno.readFile(output)),
  )![1];
  const { allow_net, allow_env, allow_run, allow_ffi, prompt } = JSON.parse(baked);
  assert.deepEqual(allow_net, [
    ...settings.permissions.hub.net,
    ...settings.permissions.offline.net,
  ]);
  assert.deepEqual(allow_env, settings.permissions.offline.env);
  assert.deepEqual({ allow_run, allow_ffi, prompt }, {
    allow_run: null,
    allow_ffi: null,
    prompt: false,
  });
  await Deno.remove(output);
});

Deno.test("packages have one version each, in lib/packages and in deno.json", async () => {
  const imports = Object.values(settings.imports);
  for (const [file] of await listFiles(join(ROOT, "lib/packages"))) {
    const text = await Deno.readTextFile(join(ROOT, "lib/packages", file));
    for (const [, name, version] of text.matchAll(/"npm:(@?[^@"]+)@([\d.]+)/g)) {
      const other = imports.find((specifier) => specifier.startsWith(`npm:${name}@`));
      assert.ok(other === undefined || other === `npm:${name}@${version}`, `${file}: ${other}`);
    }
  }
});
