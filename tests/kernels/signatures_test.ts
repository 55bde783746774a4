import assert from "node:assert/strict";
import { argsSource } from "../../kernels/args_generate.ts";
import { signature } from "../../lib/device/signature.ts";
import { kernelSignatures } from "../../scripts/kernel_signatures.ts";

const KERNELS = new URL("../../kernels/", import.meta.url);

Deno.test("argsSource: a class with the arguments in the order of the launch, and the constants", () => {
  const first = signature({
    name: "two_words",
    outputs: { y: "f32" },
    inputs: { x: "u32?" },
    ints: ["rows"],
    gpuInts: ["firstRow"],
    taskInts: ["perTask"],
    floats: ["eps"],
    constants: { BLOCK: 256 },
  });
  const onGpu = signature({ name: "g", only: "webgpu", outputs: {}, constants: { TILE: 32 } });
  assert.equal(
    argsSource([first, onGpu]),
    `// Generated from signatures.ts by deno task build:kernels: change that.

export const BLOCK: i32 = 256;

/** Arguments of two_words. */
@unmanaged
export class TwoWordsArgs {
  y: usize;
  x: usize;
  rows: i32;
  perTask: i32;
  eps: f32;
}
`,
  );
});

Deno.test("argsSource: one constant with two values is refused", () => {
  const [a, b] = [1, 2].map((BLOCK) =>
    signature({ name: `kernel${BLOCK}`, outputs: {}, constants: { BLOCK } })
  );
  assert.throws(() => argsSource([a, b]), /kernel2 has another value of BLOCK/);
});

Deno.test("signatures: what is generated from them is current", async () => {
  const rooms = await kernelSignatures();
  assert.ok(rooms.size >= 15);
  for (const [room, signatures] of rooms) {
    const committed = await Deno.readTextFile(new URL(`${room}/args.wasm.ts`, KERNELS));
    assert.equal(committed, argsSource(signatures), room);
  }
});

Deno.test("signatures: no WGSL or AssemblyScript declares arguments by hand", async () => {
  for (const [room] of await kernelSignatures()) {
    const folder = new URL(`${room}/`, KERNELS);
    for (const { name } of Deno.readDirSync(folder)) {
      if (name === "args.wasm.ts") continue;
      const text = await Deno.readTextFile(new URL(name, folder));
      if (name.endsWith(".wgsl")) assert.doesNotMatch(text, /@binding|struct Params/, name);
      if (name.endsWith(".wasm.ts")) assert.doesNotMatch(text, /load<\w+>\(args[^.]/, name);
    }
  }
});
