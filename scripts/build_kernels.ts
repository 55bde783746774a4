/**
 * Builds lib/device/wasm/kernels.wasm from every kernels/<op>/<op>.wasm.ts.
 *
 * deno task build:kernels            write the file
 * deno task build:kernels --check    fail when the committed file differs from its sources
 */
import asc from "assemblyscript/asc";
import { fileURLToPath } from "node:url";
import { attentionTilesSource } from "../kernels/attention/tiles_generate.ts";
import { tilesSource } from "../kernels/matmul/tiles_generate.ts";

const root = fileURLToPath(new URL("..", import.meta.url));
const output = "lib/device/wasm/kernels.wasm";
const check = Deno.args.includes("--check");

for (const [room, source] of [["attention", attentionTilesSource()], ["matmul", tilesSource()]]) {
  const tiles = `${root}kernels/${room}/tiles.wasm.ts`;
  if (!check) Deno.writeTextFileSync(tiles, source);
  else if (Deno.readTextFileSync(tiles) !== source) {
    console.log(`${tiles} differs from its generator: run deno task build:kernels`);
    Deno.exit(1);
  }
}

const entries: string[] = [];
for (const room of [...Deno.readDirSync(`${root}kernels`)].filter((e) => e.isDirectory)) {
  for (const file of Deno.readDirSync(`${root}kernels/${room.name}`)) {
    if (file.name === `${room.name}.wasm.ts`) entries.push(`kernels/${room.name}/${file.name}`);
  }
}
entries.sort();

let binary: Uint8Array | undefined;
const { error, stderr } = await asc.main([
  ...entries,
  "--outFile",
  output,
  // -O3 hoists loads that V8 then spills: half the speed (shared/spec/performance.md).
  "-O1",
  "--runtime",
  "stub",
  "--noAssert",
  "--importMemory",
  "--sharedMemory",
  "--initialMemory",
  "16",
  "--maximumMemory",
  "65536",
  "--enable",
  "simd",
  "--enable",
  "relaxed-simd",
  "--enable",
  "threads",
], {
  readFile: (name: string, base: string) => {
    try {
      return Deno.readTextFileSync(`${base}/${name}`);
    } catch {
      return null;
    }
  },
  writeFile: (_name: string, contents: Uint8Array | string) => {
    if (contents instanceof Uint8Array) binary = contents;
  },
  listFiles: () => [],
});
if (error || !binary) {
  console.error(stderr.toString());
  Deno.exit(1);
}
if (check) {
  const committed = Deno.readFileSync(`${root}${output}`);
  const same = committed.length === binary.length && committed.every((b, i) => b === binary![i]);
  console.log(same ? `${output} is current` : `${output} differs: run deno task build:kernels`);
  if (!same) Deno.exit(1);
} else {
  Deno.writeFileSync(`${root}${output}`, binary);
  console.log(`${output}: ${binary.length} bytes from ${entries.length} files`);
}
