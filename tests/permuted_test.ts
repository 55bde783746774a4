import assert from "node:assert/strict";
import { wgsl } from "../kernels/wgsl.ts";
import { signature } from "../lib/device/signature.ts";
import { gpuTest, withEveryOrder } from "./device.ts";
import { permuteThreads } from "./permuted.ts";

const WHO = signature({ name: "who", only: "webgpu", outputs: { out: "u32" } });

/** Threads of a workgroup, and workgroups in two dimensions. */
const [THREADS, GROUPS] = [16, [3, 2, 1] as const];

/** Every thread writes its number at its place. */
const orderly = wgsl(
  WHO,
  "tests/orderly.wgsl",
  `@compute @workgroup_size(8, 2)
fn who(
  @builtin(workgroup_id) group: vec3u,
  @builtin(num_workgroups) groups: vec3u,
  @builtin(local_invocation_id) thread: vec3u,
  @builtin(local_invocation_index) index: u32,
) {
  let at = flat_group(group, groups) * 16u + thread.y * 8u + thread.x;
  out[p.out + at] = at * 100u + index;
}`,
)();

/** The last to write wins. */
const racing = wgsl(
  WHO,
  "tests/racing.wgsl",
  `@compute @workgroup_size(16)
fn who(@builtin(local_invocation_index) index: u32) {
  out[p.out] = index;
}`,
)();

gpuTest("threads in every order do what they do in the given one", async () => {
  let read: number[] = [];
  await withEveryOrder(async (device) => {
    const count = THREADS * GROUPS[0] * GROUPS[1];
    const out = { buffer: device.alloc(4 * count), byteOffset: 0 };
    if (device.kind !== "webgpu") return;
    device.dispatch(orderly, GROUPS, { out });
    read = [...new Uint32Array((await device.read(out, 4 * count)).buffer)];
  });
  assert.deepEqual(read, read.map((_, at) => at * 100 + at % THREADS));
});

gpuTest("a race is found out", async () => {
  await assert.rejects(
    withEveryOrder(async (device) => {
      const out = { buffer: device.alloc(4), byteOffset: 0 };
      if (device.kind !== "webgpu") return;
      device.dispatch(racing, 1, { out });
      await device.read(out, 4);
    }),
    /other results with threads reversed/,
  );
});

Deno.test("permuteThreads: every entry point of a module, and nothing where the order is given", () => {
  const code = ["a", "b"].map((name) =>
    `@compute @workgroup_size(N)\nfn ${name}(@builtin(local_invocation_index) i: u32) {\n}\n`
  ).join("");
  assert.equal(permuteThreads(code, "given"), code);
  for (const order of ["reversed", "transposed"] as const) {
    const permuted = permuteThreads(code, order);
    assert.equal(permuted.split("let i = own_thread;").length, 3, order);
  }
});
