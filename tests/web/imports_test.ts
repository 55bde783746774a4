import assert from "node:assert/strict";
import { dirname, join, relative } from "node:path";
import { fileURLToPath } from "node:url";

const WEB = fileURLToPath(new URL("../../web", import.meta.url));

/** Folders of the site by what they may import: themselves and these. */
const MAY_IMPORT: Record<string, readonly string[]> = {
  "shared": [],
  "components": ["shared"],
  "islands": ["shared", "components", "islands/playground"],
  "islands/playground": ["shared", "components", "islands"],
  "page": [
    "shared",
    "components",
    "islands",
    "islands/playground",
    "static",
    "static/style",
  ],
  "store": ["shared"],
  "routes": ["shared", "components", "islands", "page", "store"],
  "": ["shared", "components", "page", "routes", "store"],
};

/** Source files of a folder and the folders in it. */
function sourcesIn(folder: string): string[] {
  return Array.from(Deno.readDirSync(folder)).flatMap(({ name, isDirectory }) => {
    const path = join(folder, name);
    if (isDirectory) return sourcesIn(path);
    return /\.tsx?$/.test(name) ? [path] : [];
  });
}

Deno.test("no folder of the site imports one above it", () => {
  const folderOf = (path: string) => relative(WEB, dirname(path));
  const arrows = sourcesIn(WEB).flatMap((path) =>
    Array.from(Deno.readTextFileSync(path).matchAll(/\b(?:from|import\()\s*"(\.[^"]+)"/g))
      .map(([, name]) => ({ path, target: join(dirname(path), name) }))
  );
  const inside = arrows.filter(({ target }) => !relative(WEB, target).startsWith(".."));
  assert.ok(inside.length > 100, `found ${inside.length} imports`);
  const wrong = inside.filter(({ path, target }) => {
    const [from, to] = [folderOf(path), folderOf(target)];
    return from !== to && !MAY_IMPORT[from]?.includes(to);
  });
  assert.deepEqual(
    wrong.map(({ path, target }) => [path, target].map((p) => relative(WEB, p))),
    [],
  );
});
