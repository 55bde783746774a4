import assert from "node:assert/strict";
import { fill } from "../../../kernels/elementwise/elementwise.ts";
import { wgsl } from "../../../kernels/wgsl.ts";
import { signature } from "../../../lib/device/signature.ts";
import { describeAdapter, findAdapter } from "../../../lib/device/webgpu/adapter.ts";
import {
  hasImmediateReads,
  type ImmediateReads,
  resultOfSelfTest,
} from "../../../lib/device/webgpu/immediate_reads.ts";
import { WebGpuDevice } from "../../../lib/device/webgpu/webgpu_device.ts";
import { gpuTest } from "../../device.ts";
import { withTempDir } from "../../temp_dir.ts";

/** Runs a body on devices with each way of reading that works here. */
async function withReads(body: (device: WebGpuDevice) => Promise<void>): Promise<void> {
  const adapter = (await findAdapter())!;
  const { works } = await hasImmediateReads(describeAdapter(adapter));
  for (const immediateReads of works ? [false, true] : [false]) {
    const device = await WebGpuDevice.create((await findAdapter())!, { immediateReads });
    try {
      await body(device);
    } finally {
      device.close();
    }
  }
}

gpuTest(
  "reads one after another and together get the values of their launches",
  () =>
    withReads(async (device) => {
      const spans = [1, 2, 3].map(() => ({ buffer: device.alloc(4096), byteOffset: 0 }));
      for (let i = 0; i < 40; i++) {
        for (const [j, span] of spans.entries()) fill(device, span, 1024, 10 * i + j);
        const read = await Promise.all(spans.map((span) => device.read(span, 4096)));
        for (const [j, bytes] of read.entries()) {
          assert.ok(new Float32Array(bytes.buffer).every((value) => value === 10 * i + j));
        }
      }
      assert.equal(device.counters.reads, 120);
      assert.equal((await device.read(spans[0], 5)).length, 5);
    }),
);

gpuTest(
  "a read after a mistake fails instead of returning what was there before",
  () =>
    withReads(async (device) => {
      const x = { buffer: device.alloc(16), byteOffset: 0 };
      for (let i = 0; i < 3; i++) await device.read(x, 16);
      const broken = wgsl(
        signature({ name: "f", outputs: { x: "f32" } }),
        "room/broken.wgsl",
        "@compute @workgroup_size(1)\nfn f() { let x = nothing; }\n",
      );
      device.dispatch(broken(), 1, { x });
      await assert.rejects(device.read(x, 16), /^Error: room\/broken\.wgsl:2:.*nothing/);
    }),
);

gpuTest(
  "a read from a device that is lost is one clear line, also from a buffer used before",
  () =>
    withReads(async (device) => {
      const x = { buffer: device.alloc(16), byteOffset: 0 };
      for (let i = 0; i < 3; i++) await device.read(x, 16);
      fill(device, x, 4, 1);
      device.gpu.destroy();
      await assert.rejects(device.read(x, 16), /^DeviceLostError: the GPU was lost/);
    }),
);

gpuTest(
  "reads are tested once for an adapter; without permission, they are awaited",
  () =>
    withTempDir(async (folder) => {
      let tests = 0;
      const test = (result: ImmediateReads | null) => () => {
        tests++;
        return Promise.resolve(result);
      };
      const [fails, works] = [{ works: false, reason: "early" }, { works: true, reason: "" }];
      const untested = await hasImmediateReads("gpu", { folder, test: test(null) });
      assert.ok(!untested.works);
      assert.match(untested.reason, /permission/);
      assert.deepEqual(await hasImmediateReads("gpu", { folder, test: test(fails) }), fails);
      assert.deepEqual(await hasImmediateReads("gpu", { folder, test: test(works) }), fails);
      assert.deepEqual(
        await hasImmediateReads("other", { folder: `${folder}/new`, test: test(works) }),
        works,
      );
      assert.equal(tests, 3);
      // Doctor tests again what failed, where it may.
      const again = (result: ImmediateReads | null) =>
        hasImmediateReads("gpu", { folder, retry: true, test: test(result) });
      assert.deepEqual(await again(null), fails);
      assert.deepEqual(await again(works), works);
      assert.deepEqual(await again(fails), works);
      assert.equal(tests, 5);
      for (const { name } of Deno.readDirSync(folder)) {
        if (name.endsWith(".json")) Deno.writeTextFileSync(`${folder}/${name}`, "{}");
      }
      assert.deepEqual(await hasImmediateReads("gpu", { folder, test: test(works) }), works);
    }),
);

gpuTest(
  "this adapter and this Deno pass the self-test, which leaves a result",
  () =>
    withTempDir(async (folder) => {
      assert.deepEqual(await hasImmediateReads("gpu", { folder }), { works: true, reason: "" });
      const [{ name }] = Deno.readDirSync(folder);
      const { deno } = JSON.parse(Deno.readTextFileSync(`${folder}/${name}`));
      assert.equal(deno, Deno.version.deno);
    }),
);

Deno.test("a self-test that crashes or reads too early says so; one that does not begin is none", () => {
  const result = (stdout: string, stderr: string, success = false) =>
    resultOfSelfTest({ success, stdout, stderr });
  assert.deepEqual(result("reading\nok\n", "a driver's line", true), { works: true, reason: "" });
  const panic =
    "Deno has panicked.\nthread 'main' (7) panicked at ext/webgpu/buffer.rs:281:30:\ncalled";
  assert.equal(result("reading\n", panic)?.reason, "panicked at ext/webgpu/buffer.rs:281:30:");
  const early = "error: Uncaught (in promise) Error: a read came too early\n    at read";
  assert.equal(result("reading\n", early)?.reason, "a read came too early");
  assert.deepEqual(result("reading\n", ""), { works: false, reason: "the self-test crashed" });
  assert.equal(result("", "error: Module not found"), null);
});
