import assert from "node:assert/strict";
import { join } from "node:path";
import { UserError } from "../../../lib/errors.ts";
import { writeFolderAtomic } from "../../../lib/platform/atomic_folder.ts";
import { writeFileAtomic } from "../../../lib/platform/atomic_write.ts";
import { findCheckpoint } from "../../../lib/runs/folder/checkpoint.ts";
import { TrainingSession } from "../../../lib/runs/loop/session.ts";
import { withFolder } from "../../cli/temper.ts";
import { withDevice } from "../../device.ts";
import { toyTask } from "../toy_kind.ts";

/** What a disk can do to a save: the calls that change something, in order. */
const CALLS = ["mkdir", "open", "rename"] as const;
const FILE_CALLS = ["write", "sync"] as const;

/**
 * Runs `body` with the call number `fatal` failing, and, as when the process is killed, all later
 * ones when `dead`.
 *
 * @returns how many calls there were
 */
async function withFault(
  { fatal, code, dead = false }: { fatal: number; code: string; dead?: boolean },
  body: () => Promise<void>,
): Promise<number> {
  let calls = 0;
  const undo: (() => void)[] = [];
  // deno-lint-ignore no-explicit-any
  const patch = (target: any, name: string) => {
    const original = target[name];
    target[name] = function (...args: unknown[]) {
      const call = calls++;
      if (call === fatal || dead && call > fatal) {
        return Promise.reject(Object.assign(new Error(`${code}: injected`), { code }));
      }
      return original.apply(this, args);
    };
    undo.push(() => target[name] = original);
  };
  for (const name of CALLS) patch(Deno, name);
  for (const name of FILE_CALLS) patch(Deno.FsFile.prototype, name);
  try {
    await body();
  } finally {
    for (const restore of undo) restore();
  }
  return calls;
}

Deno.test("a save that fails anywhere is told, and leaves the checkpoint before it whole", async () => {
  await withFolder((folder) =>
    withDevice(async (device) => {
      const task = toyTask(device, { steps: 9 });
      const options = { run: folder, trained: join(folder, "model"), keep: 2 };
      const session = new TrainingSession(task, options);
      const latest = async () =>
        (await findCheckpoint(folder, (line) => assert.fail(line)))?.state.step;
      await session.completeStep(1);
      await session.save({ regular: true });
      assert.equal(await latest(), 1);

      await session.completeStep(2);
      const save = () => session.save({ regular: true });
      for (const code of ["ENOSPC", "EACCES"]) {
        for (const dead of [false, true]) {
          for (let fatal = 0;; fatal++) {
            let failed: unknown = null;
            const calls = await withFault({ fatal, code, dead }, () =>
              save().catch((error) => failed = error));
            if (fatal >= calls) {
              assert.equal(failed, null);
              break;
            }
            assert.ok(failed instanceof UserError, String(failed));
            assert.match(failed.message, /the disk is full|permission denied/);
            // Once renamed the new one counts, also when syncing the folder then fails.
            assert.ok([1, 2].includes((await latest())!), `${code} at call ${fatal}`);
          }
          assert.equal(await latest(), 2);
          await Deno.remove(join(folder, "checkpoint-2"), { recursive: true });
        }
      }
    })
  );
});

Deno.test("a folder is replaced as a whole, or stays as it was", async () => {
  await withFolder(async (folder) => {
    const path = join(folder, "adapter");
    const write = (text: string) =>
      writeFolderAtomic(path, (inside) => writeFileAtomic(join(inside, "a.txt"), text));
    await write("old");
    for (let fatal = 0;; fatal++) {
      let failed = false;
      const calls = await withFault(
        { fatal, code: "ENOSPC" },
        () => write("new").catch(() => void (failed = true)),
      );
      const text = await Deno.readTextFile(join(path, "a.txt"));
      if (!failed) {
        assert.ok(fatal >= calls);
        assert.equal(text, "new");
        break;
      }
      assert.ok(["old", "new"].includes(text));
      await write("old");
    }
    assert.deepEqual(Array.from(Deno.readDirSync(folder), ({ name }) => name), ["adapter"]);
  });
});
