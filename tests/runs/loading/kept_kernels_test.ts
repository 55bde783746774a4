import assert from "node:assert/strict";
import { add, fill } from "../../../kernels/elementwise/elementwise.ts";
import { matmul } from "../../../kernels/matmul/matmul.ts";
import { openDevice } from "../../../lib/device/open.ts";
import type { WebGpuDevice } from "../../../lib/device/webgpu/webgpu_device.ts";
import { keepKernels, prepareKernels } from "../../../lib/runs/loading/kept_kernels.ts";
import { gpuTest } from "../../device.ts";
import { withTempDir } from "../../temp_dir.ts";

/** Launches some kernels; returns what they compute. */
async function work(device: WebGpuDevice): Promise<number[]> {
  const [a, b, c] = [1, 2, 3].map(() => ({ buffer: device.alloc(64 * 64 * 4), byteOffset: 0 }));
  fill(device, a, 64 * 64, 2);
  fill(device, b, 64 * 64, 3);
  matmul(device, {
    c,
    a,
    b: { kind: "strided", span: b, kStride: 64, nStride: 1 },
    m: 64,
    n: 64,
    k: 64,
  });
  add(device, c, c, a, 64 * 64);
  return [...new Float32Array((await device.read(c, 16)).buffer)];
}

/** Opens a device like another, which lists the kernels that it compiles. */
async function listening(
  { usesSubgroups }: WebGpuDevice,
): Promise<{ device: WebGpuDevice; compiled: string[] }> {
  const compiled: string[] = [];
  const compilation = { compiled: (kernel: string) => void compiled.push(kernel) };
  const device = await openDevice({ device: "webgpu", compilation }) as WebGpuDevice;
  device.usesSubgroups = usesSubgroups;
  return { device, compiled };
}

gpuTest(
  "kernels of the last run are compiled before the first launch, and not again",
  (first) =>
    withTempDir(async (folder) => {
      const expected = await work(first);
      await keepKernels(first, `${folder}/new`, "ppo tiny");
      const { device, compiled } = await listening(first);
      try {
        await prepareKernels(device, `${folder}/new`, "sft tiny");
        assert.deepEqual(compiled, []);
        await prepareKernels(device, `${folder}/new`, "ppo tiny");
        const ahead = compiled.length;
        assert.deepEqual(
          compiled.toSorted(),
          first.launchedKernels().map(({ label }) => label).sort(),
        );
        assert.deepEqual(await work(device), expected);
        assert.equal(compiled.length, ahead);
        assert.deepEqual(device.launchedKernels(), first.launchedKernels());
      } finally {
        device.close();
      }
    }),
);

gpuTest(
  "kept kernels that are broken or of other code change nothing",
  (first) =>
    withTempDir(async (folder) => {
      const expected = await work(first);
      await keepKernels(first, folder, "ppo");
      const [{ name }] = Deno.readDirSync(folder);
      const path = `${folder}/${name}`;
      const kept = JSON.parse(Deno.readTextFileSync(path));
      const nonsense = { ...kept, codes: kept.codes.map(() => "fn f() { let x = nothing; }") };
      const others = {
        ...kept,
        kernels: kept.kernels.map((kernel: object) => ({ ...kernel, code: 99 })),
      };
      for (const content of ["{", "{}", JSON.stringify(nonsense), JSON.stringify(others)]) {
        Deno.writeTextFileSync(path, content);
        const { device } = await listening(first);
        try {
          await prepareKernels(device, folder, "ppo");
          assert.deepEqual(await work(device), expected);
          await keepKernels(device, folder, "ppo");
        } finally {
          device.close();
        }
        assert.deepEqual(JSON.parse(Deno.readTextFileSync(path)), kept);
      }
    }),
);
