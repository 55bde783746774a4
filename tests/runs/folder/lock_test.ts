import assert from "node:assert/strict";
import { join } from "node:path";
import { LOCK_FILE, RunLock } from "../../../lib/runs/folder/lock.ts";
import { withTempDir } from "../../temp_dir.ts";

const inUse = (folder: string) => ({
  name: "UserError",
  message: `the run ${folder} is in use by process ${Deno.pid}: wait until it is done, or stop it`,
});

/** Calls `body` when the lock's file has been opened for writing the next time, before it is locked. */
function whenOpened(body: () => void): void {
  const { openSync } = Deno;
  Deno.openSync = (path, options) => {
    const file = openSync(path, options);
    if (options?.write) {
      Deno.openSync = openSync;
      body();
    }
    return file;
  };
}

Deno.test("of several that find a stale lock one gets it, and knows who was killed", async () => {
  await withTempDir(async (folder) => {
    await Deno.writeTextFile(join(folder, LOCK_FILE), '{"pid": 123}');
    const results = await Promise.allSettled([1, 2, 3].map(() => RunLock.acquire(folder)));
    const locks = results.flatMap((result) => result.status === "fulfilled" ? [result.value] : []);
    assert.deepEqual(locks.map(({ stale }) => stale), [123]);
    await assert.rejects(RunLock.acquire(folder), inUse(folder));
    locks[0][Symbol.dispose]();
    using again = await RunLock.acquire(folder);
    assert.equal(again.stale, null);
  });
});

Deno.test("a lock that is given back while another takes it has one owner after that", async () => {
  await withTempDir(async (folder) => {
    const first = await RunLock.acquire(folder);
    let third: Promise<RunLock> | undefined;
    // The second opens the file of the first, which removes it; the third makes a new one.
    whenOpened(() => {
      first[Symbol.dispose]();
      third = RunLock.acquire(folder);
    });
    await assert.rejects(RunLock.acquire(folder), inUse(folder));
    (await third!)[Symbol.dispose]();

    const before = await RunLock.acquire(folder);
    whenOpened(() => before[Symbol.dispose]());
    using _ = await RunLock.acquire(folder);
    assert.ok(RunLock.isHeld(folder));
  });
});

Deno.test("who only looks keeps nobody from the lock", async () => {
  await withTempDir(async (folder) => {
    await Deno.writeTextFile(join(folder, LOCK_FILE), "");
    const looking = await Deno.open(join(folder, LOCK_FILE));
    assert.ok(looking.tryLockSync(false));
    setTimeout(() => looking.close(), 1);
    using _ = await RunLock.acquire(folder);
  });
});
