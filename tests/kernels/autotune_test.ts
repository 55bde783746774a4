import assert from "node:assert/strict";
import { autotuneMatmul, type Trial } from "../../kernels/matmul/autotune.ts";
import { severalClass } from "../../kernels/matmul/matmul_several.ts";
import { matmulVariants, shapeClass, shapeClasses } from "../../kernels/matmul/matmul_variants.ts";
import type { GpuDevice, Shader } from "../../lib/device/device.ts";
import { LaunchTimes } from "../../lib/device/profile.ts";
import { findAdapter } from "../../lib/device/webgpu/adapter.ts";
import { WebGpuDevice } from "../../lib/device/webgpu/webgpu_device.ts";
import { gpuTest } from "../device.ts";

/** A GPU on which a launch takes as long as `cost` says; it computes nothing. */
function imaginedGpu(cost: (entryPoint: string, groups: number) => number) {
  let launched: number[] = [];
  const device = {
    ...{ kind: "webgpu", software: false, subgroupSize: 32, usesSubgroups: true },
    ...{ maxBindingBytes: Infinity, tuning: new Map([["kept", "name"]]) },
    alloc: (byteLength: number) => ({ byteLength }),
    free() {},
    dispatch({ entryPoint }: Shader, [x, y, z]: [number, number, number]) {
      launched.push(cost(entryPoint, x * y * z));
    },
    read: () => Promise.resolve(new Uint8Array(4)),
  } as unknown as GpuDevice;
  const times = {
    take(count: number) {
      assert.equal(launched.length, count);
      const seconds = launched;
      launched = [];
      return Promise.resolve(seconds);
    },
  };
  return { device, times };
}

Deno.test("autotuning chooses the fastest variant of every class that occurs", async () => {
  const fast = { staged: 1, narrow: 2, broadcast: 3, several_skinny: 2 };
  const costs = new Map(Object.entries(fast));
  const { device, times } = imaginedGpu((entryPoint, groups) =>
    (costs.get(entryPoint) ?? 10) + groups * 1e-6
  );
  const best = await autotuneMatmul(device, times, {
    budget: { waiting: 60, total: 60 },
    warmUpSeconds: 0,
  });
  assert.ok(best.size >= 36);
  const names = matmulVariants(device).map(({ name }) => name);
  const several = [1, 5, 17].flatMap((m) => [severalClass(m, "f32"), severalClass(m, "bf16")]);
  for (const kind of several) assert.ok(best.has(kind), kind);
  for (const [kind, name] of best) {
    assert.ok([...several, ...shapeClasses()].includes(kind), kind);
    assert.ok(names.includes(name), name);
  }
  // The fewest workgroups among the fastest; where its tiles would be nearly empty, another.
  assert.equal(best.get("129-512 tiles bf16 A Bᵀ"), "staged 128 128");
  assert.equal(best.get("513- tiles f32 Aᵀ B"), "staged 128 128");
  assert.match(best.get("1-4 bf16 A Bᵀ")!, /^narrow/);
  assert.equal(best.get("17-64 f32 Aᵀ B"), "staged 128 128");
  assert.equal(best.get("65- x 1-64 f32 A B"), "staged 128 128");
  // Several products have kernels of their own, which are measured for themselves.
  assert.match(best.get("several 1-4 bf16")!, /^skinny/);
  assert.match(best.get("several 5-16 f32")!, /^skinny/);
  assert.deepEqual([...device.tuning], [["kept", "name"]]);
});

Deno.test("autotuning ends with its time, and does not believe in times of nothing", async () => {
  const { device, times } = imaginedGpu(() => 1);
  const options = { warmUpSeconds: 0 };
  for (const budget of [{ waiting: -1, total: 60 }, { waiting: 60, total: -1 }]) {
    assert.equal((await autotuneMatmul(device, times, { ...options, budget })).size, 0);
  }
  const broken = imaginedGpu(() => 0);
  assert.equal((await autotuneMatmul(broken.device, broken.times, options)).size, 0);
  // Rounded times: of the first launches each takes a while, some of the others take none.
  let launches = 0;
  const coarse = imaginedGpu(() => launches++ % 20 === 19 ? 0 : 1e-4);
  const trials = [{ m: 1, n: 768, k: 768, dtype: "f32", product: "x·Wᵀ" }] as const;
  assert.equal((await autotuneMatmul(coarse.device, coarse.times, { ...options, trials })).size, 0);
});

Deno.test("classes of products: rows, columns or the number of tiles, and what is contiguous", () => {
  const traits = { aAlongK: true, bAlongK: true, b2AlongK: true, fours: true } as const;
  const of = (m: number, n: number, dtype: "f32" | "bf16" = "f32") =>
    shapeClass({ ...traits, m, n, dtype });
  assert.equal(of(1, 768, "bf16"), "1-4 bf16 A Bᵀ");
  assert.equal(of(16, 4096), "5-16 f32 A Bᵀ");
  assert.equal(of(16, 32128), "5-16 x 4097- f32 A Bᵀ");
  assert.equal(of(1200, 32), "65- x 1-64 f32 A Bᵀ");
  assert.equal(of(512, 1024), "1-128 tiles f32 A Bᵀ");
  assert.equal(of(513, 1024), "129-512 tiles f32 A Bᵀ");
  assert.equal(of(1200, 2048), "513- tiles f32 A Bᵀ");
  const gradient = {
    ...traits,
    m: 32,
    n: 768,
    dtype: "f32",
    aAlongK: false,
    bAlongK: false,
  } as const;
  assert.equal(shapeClass(gradient), "17-64 f32 Aᵀ B");
  const all = shapeClasses();
  assert.equal(new Set(all).size, all.length);
});

gpuTest("autotuning by a GPU's timestamps leaves no memory behind", async () => {
  const adapter = await findAdapter();
  if (!adapter?.features.has("timestamp-query")) return;
  const times = new LaunchTimes();
  const timed = await WebGpuDevice.create(adapter, { times });
  const trial = (m: number, product: Trial["product"]): Trial => (
    { m, n: 68, k: 32, dtype: "f32", product }
  );
  const trials = [trial(4, "x·Wᵀ"), trial(80, "dy·W")];
  const { used } = timed.memory;
  const best = await autotuneMatmul(timed, times, {
    trials,
    budget: { waiting: 60, total: 60 },
    warmUpSeconds: 0,
  });
  assert.deepEqual([...best.keys()], ["1-4 f32 A Bᵀ", "1-128 tiles f32 A B"]);
  assert.deepEqual([timed.tuning.size, timed.memory.used], [0, used]);
  timed.close();
});
