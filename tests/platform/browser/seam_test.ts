import assert from "node:assert/strict";
import * as denoFiles from "../../../lib/platform/files.ts";
import * as pageFiles from "../../../lib/platform/browser/files.ts";
import { readTextFile } from "../../../lib/platform/files.ts";
import { withTempDir } from "../../temp_dir.ts";

const MAP = new URL("../../../lib/platform/browser/import_map.json", import.meta.url);

/** Files of the two platforms, each with a folder for a test. */
const PLATFORMS: readonly [
  name: string,
  files: typeof denoFiles,
  withFolder: (body: (folder: string) => Promise<void>) => Promise<void>,
][] = [
  ["Deno", denoFiles, withTempDir],
  ["a page", pageFiles, async (body) => {
    await pageFiles.makeFolder("/test");
    await body("/test");
    await pageFiles.removeFolder("/test");
  }],
];

Deno.test("every module of a page's has at least the exports of the one that it replaces", async () => {
  const { imports }: { imports: Record<string, string> } = JSON.parse(
    await readTextFile(decodeURIComponent(MAP.pathname)),
  );
  assert.ok(Object.keys(imports).length > 10);
  for (const [replaced, replacing] of Object.entries(imports)) {
    // What loads files beside the bundle, or asks the Hub with fewer functions, is another test's.
    if (/packages\/(parquet|obscenity|vader|hub|csv|nats)\.ts$/.test(replaced)) continue;
    const [ours, theirs] = await Promise.all(
      [replacing, replaced].map((path) => import(new URL(path, MAP).href)),
    );
    const missing = Object.keys(theirs).filter((name) => !(name in ours));
    assert.deepEqual(missing, [], replacing);
  }
});

for (const [name, files, withFolder] of PLATFORMS) {
  Deno.test(`files of ${name}: written, grown, cut, copied, renamed and removed`, async () => {
    await withFolder(async (folder) => {
      const [a, b] = [`${folder}/a`, `${folder}/b`];
      const bytes = new TextEncoder().encode("one\n");
      await files.makeFolder(`${a}/deep`);
      await files.writeNewFile(`${a}/rows`, [bytes, bytes]);
      const grown = files.appendFile(`${a}/rows`);
      grown.write(new TextEncoder().encode("two\n"));
      grown.sync();
      grown.close();
      files.appendText(`${a}/rows`, "three\n");
      assert.equal(files.readTextNow(`${a}/rows`), "one\none\ntwo\nthree\n");
      await files.truncateFile(`${a}/rows`, 12);
      await files.copyTree(a, b);
      files.writeTextNow(`${a}/rows`, "new");
      await files.rename(`${a}/rows`, `${a}/deep/rows`);
      assert.equal(await files.readTextFile(`${a}/deep/rows`), "new");
      assert.equal(await files.readTextFile(`${b}/rows`), "one\none\ntwo\n");
      const chunks = await Array.fromAsync(files.readChunks(`${b}/rows`));
      assert.equal(chunks.reduce((size, { length }) => size + length, 0), 12);
      const open = files.openFile(`${b}/rows`);
      const middle = new Uint8Array(4);
      assert.deepEqual([open.size, open.readAt(8, middle)], [12, 4]);
      assert.equal(new TextDecoder().decode(middle), "two\n");
      open.close();
      const names = (await files.listFolder(b)).toSorted((x, y) => x.name < y.name ? -1 : 1);
      assert.deepEqual(names, [{ name: "deep", isFolder: true }, {
        name: "rows",
        isFolder: false,
      }]);
      const { isFile, isFolder, size } = await files.fileInfo(`${b}/rows`);
      assert.deepEqual([isFile, isFolder, size], [true, false, 12]);
      // A folder moves with what is in it, also to a place that was a folder's.
      await files.removeFolder(b);
      await files.rename(a, b);
      assert.equal(await files.readTextFile(`${b}/deep/rows`), "new");
      assert.deepEqual([files.isThere(a), files.isThere(`${b}/deep`)], [false, true]);
    });
  });

  Deno.test(`files of ${name}: errors say what is there and what is not`, async () => {
    await withFolder(async (folder) => {
      await files.makeFolder(`${folder}/a`);
      files.writeTextNow(`${folder}/file`, "x");
      const nothing = `${folder}/nothing`;
      const fails = async (body: () => unknown) =>
        await Promise.try(body).then(() => assert.fail("it did not fail"), (error) => error);
      for (
        const read of [
          () => files.readFile(nothing),
          () => files.openFile(nothing),
          () => files.fileInfo(nothing),
          () => files.listFolder(nothing),
          () => files.removeFile(nothing),
          () => files.rename(nothing, `${folder}/b`),
          () => files.writeNewFile(`${nothing}/b`, []),
          () => files.makeNewFolder(`${nothing}/b`),
          () => files.readTextNow(nothing),
        ]
      ) assert.ok(files.isNotFound(await fails(read)), String(read));
      for (
        const make of [
          () => files.makeNewFolder(`${folder}/a`),
          () => files.writeNewFile(`${folder}/file`, []),
        ]
      ) assert.ok(files.isAlreadyThere(await fails(make)), String(make));
      await files.makeFolder(`${folder}/a/full`);
      assert.ok(!files.isNotFound(await fails(() => files.removeFile(`${folder}/a`))));
      assert.deepEqual(
        [await files.fileExists(nothing), await files.fileExists(`${folder}/a`)],
        [false, true],
      );
      const large = { message: "it has 1 MiB, expected at most 0" };
      await assert.rejects(files.readFile(`${folder}/file`, 0), large);
    });
  });
}
