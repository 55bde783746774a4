import assert from "node:assert/strict";
import * as posix from "node:path/posix";
import * as page from "../../../lib/platform/browser/paths.ts";

const PATHS = [
  "",
  ".",
  "/",
  "a",
  "a/",
  "/a",
  "/a/b.ts",
  "a/../b",
  "../a",
  "/../a",
  "a/b",
  ".x",
  "x.",
];

Deno.test("paths in a page are those of POSIX", () => {
  for (const path of PATHS) {
    for (const name of ["basename", "dirname", "extname"] as const) {
      assert.equal(page[name](path), posix[name](path), `${name}(${path})`);
    }
    for (const other of PATHS) {
      assert.equal(page.join(path, other), posix.join(path, other), `join(${path}, ${other})`);
      assert.equal(page.resolve("/w", path, other), posix.resolve("/w", path, other));
      const [from, to] = [`/${path}`, `/${other}`];
      assert.equal(page.relative(from, to), posix.relative(from, to), `relative(${from}, ${to})`);
    }
  }
});

Deno.test("addresses of a page's files", () => {
  const url = page.pathToFileURL("/models/a b#c");
  assert.equal(url.href, "file:///models/a%20b%23c");
  assert.equal(page.fileURLToPath(url), "/models/a b#c");
});
