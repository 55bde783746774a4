import assert from "node:assert/strict";
import { basename, join } from "node:path";
import { fileURLToPath } from "node:url";
import { temporaryPath } from "../../../lib/platform/temporary_name.ts";
import {
  defaultRunFolder,
  type LockedRun,
  reopenRunDirectory,
  reserveRunDirectory,
} from "../../../lib/runs/folder/run_directory.ts";
import { withFolder } from "../../cli/temper.ts";

const SAME_SECOND = fileURLToPath(new URL("./same_second.ts", import.meta.url));

Deno.test("the default folder is named by time and model", () => {
  const now = new Date(2023, 7, 31, 9, 5, 2);
  const model = "models/flan-t5-base";
  assert.equal(
    defaultRunFolder({ kind: "ppo", name: null, model }, now),
    join("runs", "20230831-090502-flan-t5-base"),
  );
  assert.equal(
    defaultRunFolder({ kind: "ppo", name: "../less rude!", model }, now),
    join("runs", "20230831-090502-less-rude-"),
  );
});

Deno.test("an empty folder is taken, one with anything in it is refused", async () => {
  await withFolder(async (folder) => {
    const config = { kind: "ppo", output: folder, name: null, model: "m" };
    assert.equal(pathOf(await reserveRunDirectory(config)), folder);
    await Deno.writeTextFile(join(folder, "notes.txt"), "");
    await assert.rejects(reserveRunDirectory(config), /exists and is not empty: choose another/);
  });
});

Deno.test("a run that was killed before its first file may start again; one with files goes on", async () => {
  await withFolder(async (folder) => {
    const config = { kind: "ppo", output: folder, name: null, model: "m" };
    await Deno.writeTextFile(join(folder, ".lock"), '{"pid":123}');
    await Deno.writeTextFile(join(folder, basename(temporaryPath("config.json"))), "{");
    (await reserveRunDirectory(config))[Symbol.dispose]();
    assert.deepEqual([...Deno.readDirSync(folder)], []);
    await Deno.writeTextFile(join(folder, "config.json"), "{}");
    await assert.rejects(reserveRunDirectory(config), {
      name: "UserError",
      message: `the folder ${folder} exists and is not empty: choose another \`output\`, or ` +
        "delete it first",
      run: folder,
    });
  });
});

Deno.test("a folder that cannot be created is named, with the reason", async () => {
  await withFolder(async (folder) => {
    await Deno.writeTextFile(join(folder, "file"), "");
    const file = { kind: "ppo", output: join(folder, "file"), name: null, model: "m" };
    await assert.rejects(reserveRunDirectory(file), /cannot create .*file: it is a file$/);
    const config = { kind: "ppo", output: join(folder, "file", "run"), name: null, model: "m" };
    await assert.rejects(
      reserveRunDirectory(config),
      /cannot create the output folder .*file\/run: /,
    );
  });
});

Deno.test("releasing removes the folder only while it is empty", async () => {
  await withFolder(async (folder) => {
    const config = { kind: "ppo", output: join(folder, "run"), name: null, model: "m" };
    await (await reserveRunDirectory(config)).release();
    assert.throws(() => Deno.statSync(config.output), Deno.errors.NotFound);
    const run = await reserveRunDirectory(config);
    await Deno.writeTextFile(join(config.output, "notes.txt"), "");
    await run.release();
    assert.deepEqual([...Deno.readDirSync(config.output)].map(({ name }) => name), ["notes.txt"]);
  });
});

Deno.test("a run in use is refused to others; what a killed process left is cleared away", async () => {
  await withFolder(async (folder) => {
    const path = join(folder, "run");
    const config = { kind: "ppo", output: path, name: null, model: "m" };
    const first = await reserveRunDirectory(config);
    await Deno.writeTextFile(join(path, "config.json"), "{}");
    const inUse = new RegExp(`the run ${path} is in use by process ${Deno.pid}: `);
    await assert.rejects(reserveRunDirectory(config), inUse);
    await assert.rejects(reopenRunDirectory(path, () => {}), inUse);
    first[Symbol.dispose]();

    await Deno.writeTextFile(join(path, ".lock"), '{"pid":123}');
    const half = temporaryPath(join(path, "checkpoint-1"));
    await Deno.mkdir(half);
    await Deno.writeTextFile(join(path, ".notes.tmp"), "the user's");
    const lines: string[] = [];
    using _ = await reopenRunDirectory(path, (line) => lines.push(line));
    assert.deepEqual(lines, ["process 123, which had the run, was killed"]);
    assert.throws(() => Deno.statSync(half), Deno.errors.NotFound);
    assert.equal(await Deno.readTextFile(join(path, ".notes.tmp")), "the user's");
  });
});

Deno.test("files of the user's that look temporary, or like a lock, are kept", async () => {
  await withFolder(async (folder) => {
    const config = { kind: "ppo", output: folder, name: null, model: "m" };
    const notes = join(folder, ".notes.tmp");
    await Deno.writeTextFile(notes, "mine");
    await assert.rejects(reserveRunDirectory(config), /exists and is not empty/);
    assert.equal(await Deno.readTextFile(notes), "mine");
    await Deno.remove(notes);
    await Deno.writeTextFile(join(folder, ".lock"), "mine");
    await assert.rejects(reserveRunDirectory(config), {
      name: "UserError",
      message:
        `${folder}/.lock was not made by Temper, and the run needs a file of that name: rename it`,
    });
    assert.equal(await Deno.readTextFile(join(folder, ".lock")), "mine");
  });
});

Deno.test("runs that start in the same second each get a folder", async () => {
  await withFolder(async (folder) => {
    // In a process of its own, since tests of other files share this one's working folder.
    const { code, stderr } = await new Deno.Command(Deno.execPath(), {
      args: ["run", "-A", "--no-check", SAME_SECOND],
      cwd: folder,
    }).output();
    assert.equal(code, 0, new TextDecoder().decode(stderr));
  });
});

Deno.test("a lock that is removed or replaced is noticed, and that of another stays", async () => {
  await withFolder(async (folder) => {
    const config = { kind: "ppo", output: join(folder, "run"), name: null, model: "m" };
    const lock = join(config.output, ".lock");
    const first = await reserveRunDirectory(config);
    first.checkLock();
    await Deno.remove(lock);
    assert.equal(first.isLocked, false);
    assert.throws(() => first.checkLock(), {
      name: "UserError",
      message: `the run ${config.output} is no longer this process's: its .lock was removed or ` +
        "replaced, and another process may write there; go on when none does",
      run: config.output,
    });
    using second = await reserveRunDirectory(config);
    first[Symbol.dispose]();
    second.checkLock();
  });
});

/** The path, with the lock given back. */
function pathOf(run: LockedRun): string {
  run[Symbol.dispose]();
  return run.directory.path;
}
