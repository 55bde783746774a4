import assert from "node:assert/strict";
import { dirname, join, normalize, relative } from "node:path";
import { fileURLToPath } from "node:url";

const ROOT = fileURLToPath(new URL("..", import.meta.url));

/**
 * The floors of the house, from the ground up. A file may import from its own folder and from every
 * floor below; folders on one floor do not know each other.
 */
const FLOORS: readonly (readonly string[])[] = [
  ["lib/visible_text.ts"],
  ["lib/errors.ts", "lib/counted.ts", "lib/random.ts", "lib/event_loop.ts", "lib/packages"],
  ["lib/platform", "lib/settings"],
  ["assets.ts"],
  ["lib/device", "lib/formats"],
  ["kernels", "lib/data"],
  ["lib/tensor", "lib/hub"],
  ["lib/nn"],
  ["lib/models"],
  ["lib/generation", "lib/rewards"],
  ["lib/training", "lib/evaluation"],
  ["lib/rl", "lib/sft", "lib/preference"],
  ["lib/runs/settings"],
  ["lib/runs/folder", "lib/doctor"],
  ["lib/runs/loading", "lib/verify"],
  ["lib/runs/kinds"],
  ["lib/runs/loop", "lib/cluster"],
  ["lib/runs/commands"],
  ["lib/browser"],
  ["web"],
  ["lib/cli"],
  ["mod.ts", "cli.ts"],
  ["browser.ts"],
];

/** Longest file of source that is not generated. */
const MAX_LINES = 450;
const GENERATED = /tiles\.wasm\.ts$|args\.wasm\.ts$|static\/client\.js$/;

const sources = ["lib", "kernels", "web"].flatMap((folder) => [...walk(folder)])
  .concat("mod.ts", "cli.ts", "browser.ts", "assets.ts");

function* walk(folder: string): Generator<string> {
  for (const { name, isDirectory } of Deno.readDirSync(join(ROOT, folder))) {
    const path = `${folder}/${name}`;
    if (isDirectory) yield* walk(path);
    else if (/\.tsx?$/.test(name)) yield path;
  }
}

/** Files of the project that a file imports, types among them. */
function importsOf(file: string): string[] {
  const text = Deno.readTextFileSync(join(ROOT, file));
  const named = text.matchAll(/\b(?:from|import)\s*\(?\s*"(\.{1,2}\/[^"]+)"/g);
  return Array.from(named, ([, path]) => normalize(join(dirname(file), path)));
}

/** Room of a file: the entry of FLOORS that it is in. */
function roomOf(file: string): { room: string; floor: number } | null {
  const floor = FLOORS.findIndex((rooms) => rooms.some((room) => isIn(file, room)));
  return floor < 0 ? null : { room: FLOORS[floor].find((room) => isIn(file, room))!, floor };
}

function isIn(file: string, room: string): boolean {
  return file === room || file.startsWith(`${room}/`);
}

Deno.test("every source file has its floor", () => {
  assert.deepEqual(sources.filter((file) => roomOf(file) === null), []);
});

Deno.test("nothing imports from a higher floor, or from next door", () => {
  const wrong = sources.flatMap((file) => {
    const from = roomOf(file);
    return importsOf(file).filter((target) => /\.tsx?$/.test(target)).flatMap((target) => {
      const to = roomOf(target);
      if (!from || !to || from.room === to.room || to.floor < from.floor) return [];
      return [`${file} imports ${target}`];
    });
  });
  assert.deepEqual(wrong, []);
});

Deno.test("no circle of imports", () => {
  const done = new Set<string>();
  const circles: string[] = [];
  const visit = (file: string, path: readonly string[]) => {
    if (path.includes(file)) {
      circles.push([...path.slice(path.indexOf(file)), file].join(" → "));
      return;
    }
    if (done.has(file)) return;
    for (const target of importsOf(file)) {
      if (sources.includes(target)) visit(target, [...path, file]);
    }
    done.add(file);
  };
  for (const file of sources) visit(file, []);
  assert.deepEqual(circles, []);
});

Deno.test("nothing but tests imports from tests/: what others need too is in scripts/", () => {
  const others = ["bench", "scripts", "examples"].flatMap((folder) => [...walk(folder)]);
  const wrong = [...sources, ...others].flatMap((file) =>
    importsOf(file).filter((target) => isIn(target, "tests")).map((target) =>
      `${file} imports ${target}`
    )
  );
  assert.deepEqual(wrong, []);
});

Deno.test(`no file is longer than ${MAX_LINES} lines but generated ones`, () => {
  const long = sources.filter((file) => !GENERATED.test(file)).flatMap((file) => {
    const lines = Deno.readTextFileSync(join(ROOT, file)).trimEnd().split("\n").length;
    return lines > MAX_LINES ? [`${relative(".", file)}: ${lines}`] : [];
  });
  assert.deepEqual(long, []);
});
