import assert from "node:assert/strict";
import { join } from "node:path";
import { filesOf, serveFiles } from "../../scripts/static_host.ts";
import { withTempDir } from "../temp_dir.ts";

Deno.test("a static host has the files of its folder, and none beside it", async () => {
  await withTempDir(async (dir) => {
    const folder = join(dir, "site");
    await Deno.mkdir(join(folder, "in"), { recursive: true });
    await Deno.writeTextFile(join(folder, "index.html"), "start");
    await Deno.writeTextFile(join(folder, "in/a b.js"), "1;");
    await Deno.writeTextFile(join(dir, "secret.txt"), "secret");
    await using host = serveFiles(filesOf(folder), (path) => ({ "x-path": encodeURI(path) }));
    const get = async (path: string) => {
      const response = await fetch(host.address + path);
      const { status, headers } = response;
      return [status, headers.get("content-type"), headers.get("x-path"), await response.text()];
    };
    assert.deepEqual(await get(""), [200, "text/html; charset=utf-8", "index.html", "start"]);
    const script = [200, "text/javascript; charset=utf-8", "in/a%20b.js", "1;"];
    assert.deepEqual(await get("in/a%20b.js"), script);
    for (
      const path of [
        "missing.js",
        "in",
        "..%2fsecret.txt",
        "in/..%2F..%2fsecret.txt",
        "%",
        "/etc/passwd",
      ]
    ) {
      assert.equal((await get(path))[0], 404, path);
    }
  });
});

Deno.test("a host takes another port where its own is taken", async () => {
  await using first = serveFiles(() => "first");
  const port = Number(new URL(first.address).port);
  await using second = serveFiles(() => "second", undefined, port);
  assert.notEqual(second.address, first.address);
  assert.equal(await (await fetch(second.address)).text(), "second");
});
