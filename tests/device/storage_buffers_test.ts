import assert from "node:assert/strict";
import { STORAGE_BUFFERS_NEEDED } from "../../lib/device/webgpu/adapter.ts";

Deno.test("STORAGE_BUFFERS_NEEDED: what the kernels' WGSL binds at most", () => {
  const kernels = new URL("../../kernels/", import.meta.url);
  let most = 0;
  for (const room of Deno.readDirSync(kernels)) {
    if (!room.isDirectory) continue;
    const folder = new URL(`${room.name}/`, kernels);
    for (const file of Deno.readDirSync(folder)) {
      if (!file.name.endsWith(".wgsl")) continue;
      const code = Deno.readTextFileSync(new URL(file.name, folder));
      for (const [, binding] of code.matchAll(/@group\(0\) @binding\((\d+)\)/g)) {
        most = Math.max(most, Number(binding) + 1);
      }
    }
  }
  assert.equal(most, STORAGE_BUFFERS_NEEDED);
});
