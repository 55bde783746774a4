/**
 * Builds lib/device/wasm/kernels.wasm from every kernels/<op>/<op>.wasm.ts, after the sources that are
 * generated: the arguments of kernels, and the register tiles of products.
 *
 * deno task build:kernels            write the file
 * deno task build:kernels --check    fail when a committed file differs from its sources
 */
import asc from "assemblyscript/asc";
import { fileURLToPath } from "node:url";
import { argsSource } from "../kernels/args_generate.ts";
import { attentionTilesSource } from "../kernels/attention/tiles_generate.ts";
import { tilesSource } from "../kernels/matmul/tiles_generate.ts";
import { kernelSignatures } from "./kernel_signatures.ts";

const root = fileURLToPath(new URL("..", import.meta.url));
const output = "lib/device/wasm/kernels.wasm";
const check = Deno.args.includes("--check");

/** Writes a generated source file, or with --check compares it with the committed one. */
function generate(path: string, source: string): void {
  if (!check) return Deno.writeTextFileSync(`${root}${path}`, source);
  let committed = "";
  try {
    committed = Deno.readTextFileSync(`${root}${path}`);
  } catch (error) {
    if (!(error instanceof Deno.errors.NotFound)) throw error;
  }
  if (committed === source) return;
  console.log(`${path} differs from its generator: run deno task build:kernels`);
  Deno.exit(1);
}

generate("kernels/attention/tiles.wasm.ts", attentionTilesSource());
generate("kernels/matmul/tiles.wasm.ts", tilesSource());
for (const [room, signatures] of await kernelSignatures()) {
  generate(`kernels/${room}/args.wasm.ts`, argsSource(signatures));
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
