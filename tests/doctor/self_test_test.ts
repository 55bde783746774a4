import assert from "node:assert/strict";
import { hasSubgroupVariant } from "../../kernels/matmul/matmul_variants.ts";
import { DRAWS, drawsInParts, everyDraw } from "../../kernels/sample/draw_gpu.ts";
import { equalDraws, equalVariants } from "../../lib/doctor/bit_equality.ts";
import { KERNEL_CHECKS } from "../../lib/doctor/kernel_checks.ts";
import type { Check } from "../../lib/doctor/check.ts";
import { selfTest } from "../../lib/doctor/self_test.ts";
import { deviceTest, gpuTest, withArguments } from "../device.ts";

Deno.test("the self-test passes on the WASM device and reports each check", async () => {
  const reported: Check[] = [];
  const checks = await selfTest(["wasm"], (check) => reported.push(check));
  assert.deepEqual(checks.filter(({ passed }) => !passed), []);
  assert.deepEqual(reported, checks);
  assert.deepEqual(
    checks.map(({ name }) => name),
    [
      ...["open", "matrix product", "norm", "attention", "attention over a prompt"],
      ...["attention of one token", "generate", "decoding = pass", "PPO step"],
    ],
  );
});

deviceTest("a device that computes nonsense fails the checks of kernels", async (device) => {
  for (const { name, run } of KERNEL_CHECKS) {
    assert.match(await run(device), /^relative error \d/, name);
    for (const wrong of [0, NaN]) {
      const broken = new Proxy(device, {
        get(target, property) {
          if (property === "read") {
            return (_: unknown, bytes: number) =>
              Promise.resolve(new Uint8Array(new Float32Array(bytes / 4).fill(wrong).buffer));
          }
          const value = Reflect.get(target, property, target);
          return typeof value === "function" ? value.bind(target) : value;
        },
      });
      await assert.rejects(run(broken), /relative error (1|NaN), at most 0.00001/, name);
    }
  }
});

gpuTest(
  "variants of a product are compared; subgroups that differ are not used",
  async (device) => {
    const has = hasSubgroupVariant(device);
    assert.match(
      await equalVariants(device),
      /^the same from 12 variants, (and with|no) subgroups/,
    );
    assert.equal(device.usesSubgroups, has);
    const read = device.read.bind(device);
    let reads = 0;
    device.read = async (span, bytes) => {
      const result = await read(span, bytes);
      if (++reads === 2) result[0] ^= 1;
      return result;
    };
    await assert.rejects(equalVariants(device), /^Error: tiled 16 16 differ from tiled 16 8$/);
  },
);

gpuTest("draws are compared; several workgroups that differ are not used", async (device) => {
  const { used } = device.memory;
  assert.equal(
    await equalDraws(device),
    "the same 32 tokens from one and from several workgroups",
  );
  assert.equal(device.tuning.size, 0);
  for (const [kind, choice] of everyDraw(DRAWS.several)) device.tuning.set(kind, choice);
  assert.match(
    await equalDraws(withArguments(device, "parts", { temperature: 0.9 })),
    /^\d+ of 32 tokens differ from several workgroups, which are not used$/,
  );
  for (const vocabulary of [32_128, 151_936]) assert.ok(!drawsInParts(device, vocabulary));
  device.tuning.clear();
  assert.equal(device.memory.used, used);
});
