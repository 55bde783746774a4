import assert from "node:assert/strict";
import { existsSync } from "node:fs";
import { DRAW_CLASSES } from "../../../kernels/sample/draw_gpu.ts";
import { hasSubgroupVariant } from "../../../kernels/matmul/matmul_variants.ts";
import {
  compilationNotes,
  knownTuning,
  measureKernels,
  openRunDevice,
  tune,
} from "../../../lib/runs/loading/device.ts";
import { findAdapter } from "../../../lib/device/webgpu/adapter.ts";
import { gpuTest } from "../../device.ts";
import { withTempDir } from "../../temp_dir.ts";

gpuTest(
  "what was measured is kept; a broken file is measured again",
  (device) =>
    withTempDir(async (folder) => {
      let measured = 0;
      let proved = 0;
      const prove = () => Promise.resolve(++proved > 0);
      const measure = (_: unknown, choices: Map<string, string>) => {
        measured++;
        choices.set("1-4 f32 A Bᵀ", "skinny 8 1 16");
        return Promise.resolve();
      };
      const path = await tune(device, `${folder}/new`, { prove, measure });
      assert.ok(device.usesSubgroups);
      device.tuning.clear();
      device.usesSubgroups = false;
      assert.equal(await tune(device, `${folder}/new`, { prove, measure }), path);
      const { description, subgroupSize } = device;
      const subgroupSizes = subgroupSize === null ? null : [subgroupSize, subgroupSize] as const;
      const facts = { description, subgroupSizes };
      const found = await knownTuning(facts, `${folder}/new`);
      assert.deepEqual(found, { "1-4 f32 A Bᵀ": "skinny 8 1 16" });
      assert.equal(await knownTuning(facts, `${folder}/nothing`), null);
      assert.deepEqual([measured, device.tuning.get("1-4 f32 A Bᵀ")], [1, "skinny 8 1 16"]);
      assert.deepEqual([proved, device.usesSubgroups], [1, true]);
      const unproved = '{"choices":{"1-4 f32 A Bᵀ":"broadcast"}}';
      for (const broken of ["{", "{}", '{"usesSubgroups":true,"choices":{"a":1}}', unproved]) {
        await Deno.writeTextFile(path, broken);
        await tune(device, `${folder}/new`, { prove, measure });
      }
      assert.deepEqual([measured, proved], [5, 5]);
      // Another Deno may compile the kernels in another way.
      const kept = await Deno.readTextFile(path);
      await Deno.writeTextFile(path, kept.replace(Deno.version.deno, "2.0.0"));
      await tune(device, `${folder}/new`, { prove, measure });
      await tune(device, `${folder}/new`, { prove, measure });
      assert.deepEqual([measured, proved], [6, 6]);
      // A failure is not kept; what was measured before it is used.
      const fail = (_: unknown, choices: Map<string, string>) => {
        choices.set("1-4 bf16 A Bᵀ", "narrow 4 1 32");
        return Promise.reject(new Error("no memory"));
      };
      const failed = await tune(device, `${folder}/failed`, { prove, measure: fail });
      assert.ok(!existsSync(failed));
      assert.equal(device.tuning.get("1-4 bf16 A Bᵀ"), "narrow 4 1 32");
      await tune(device, `${folder}/failed`, { prove, measure });
      assert.ok(existsSync(failed));
    }),
);

gpuTest("a software adapter is not tuned, its subgroups prove themselves", async (device) => {
  if (!device.software) return;
  const own = await openRunDevice({ device: "webgpu" });
  assert.ok(own.kind === "webgpu" && own.tuning.size === 0);
  assert.equal(own.usesSubgroups, hasSubgroupVariant(own));
  own.close();
});

gpuTest("products and draws of a GPU are measured, each for its classes", async (device) => {
  const choices = new Map<string, string>();
  const trials = (["x·Wᵀ", "several"] as const).map((product) => (
    { m: 4, n: 68, k: 32, dtype: "f32", product } as const
  ));
  const budget = { waiting: 60, total: 60 };
  await measureKernels(device, "webgpu", choices, { trials, budget, warmUpSeconds: 0 });
  const draws = DRAW_CLASSES.map(({ name }) => name);
  const adapter = (await findAdapter())!;
  const products = adapter.features.has("timestamp-query")
    ? ["1-4 f32 A Bᵀ", "several 1-4 f32"]
    : [];
  assert.deepEqual([...choices.keys()], [...products, ...draws]);
});

Deno.test("compiling kernels is told when it takes long, and then seldom", () => {
  const lines: string[] = [];
  const { compiling, compiled } = compilationNotes((line) => lines.push(line));
  for (let i = 0; i < 40; i++) {
    compiling!(`room.kernel${i}`);
    compiled!(`room.kernel${i}`, 1);
  }
  assert.deepEqual(lines, [
    "compiled 5 kernels for the GPU in 5 s; next: room.kernel5",
    "compiled 10 kernels for the GPU in 10 s; next: room.kernel10",
    "compiled 20 kernels for the GPU in 20 s; next: room.kernel20",
  ]);
});
