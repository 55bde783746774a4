import assert from "node:assert/strict";
import { temper } from "../cli/temper.ts";

Deno.test("README's table has every command of the help", async () => {
  const readme = await Deno.readTextFile(new URL("../../README.md", import.meta.url));
  const rows = [...readme.matchAll(/^\| (`[^|]*`) +\| \w/gm)].map(([, cells]) => cells).join();
  const { stdout } = await temper(["--help"]);
  const commands = [...stdout.matchAll(/^ {2}([a-z]+) {2,}\S/gm)].map(([, name]) => name);
  assert.ok(commands.length > 20, stdout);
  const missing = commands.filter((name) => !new RegExp(`\`${name}[\` ]`).test(rows));
  assert.deepEqual(missing, ["help"]);
});
