/** Reserves three default folders at once in the working folder, then where `runs` is a file. */
import assert from "node:assert/strict";
import { reserveRunDirectory } from "../../../lib/runs/folder/run_directory.ts";

const config = { kind: "ppo", output: null, name: "run", model: "m" };
const runs = await Promise.all([1, 2, 3].map(() => reserveRunDirectory(config)));
assert.equal(new Set(runs.map(({ directory }) => directory.path)).size, 3);
for (const run of runs) run[Symbol.dispose]();
await Deno.rename("runs", "other");
await Deno.writeTextFile("runs", "");
await assert.rejects(
  reserveRunDirectory(config),
  /cannot create .*: a part of the path is a/,
);
