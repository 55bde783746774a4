import assert from "node:assert/strict";
import { join } from "node:path";
import type { GpuReport } from "../../bench/gpu_check/report.ts";
import { STAGES } from "../../bench/gpu_check/stages.ts";
import { deviceTestFiles, STARTED } from "../../scripts/gpu_check.ts";
import { pageWithTable } from "../../scripts/gpu_table.ts";
import { listFiles, ROOT } from "../../scripts/program.ts";
import { withFolder } from "../cli/temper.ts";
import { confinement, NOBODY, start } from "./confined.ts";

Deno.test("the kit has the tests that take a device", async () => {
  const { kernels, golden } = await deviceTestFiles();
  assert.ok(kernels.includes("tests/kernels/matmul_test.ts"));
  assert.ok(kernels.includes("tests/device/webgpu_device_test.ts"));
  assert.ok(!kernels.includes("tests/kernels/signatures_test.ts"));
  assert.match(golden[0], /forward_test/);
  assert.ok(golden.includes("tests/golden_causal/grpo_test.ts"));
});

Deno.test("what tests of the kit share finds files through assets.ts: a bundle moves it", async () => {
  const folders = ["tests/kernels", "tests/golden", "tests/golden_causal", "tests/reference"];
  const paths = ["tests/device.ts", "tests/check_op.ts", "tests/numeric.ts"];
  for (const folder of folders) {
    for (const [name] of await listFiles(join(ROOT, folder))) paths.push(`${folder}/${name}`);
  }
  for (const path of paths.filter((path) => /(?<!_test)\.ts$/.test(path))) {
    const text = await Deno.readTextFile(join(ROOT, path));
    assert.ok(!text.includes("import.meta.url"), `${path}: use assets.ts`);
  }
});

Deno.test("modules that tests of the kit start are in it, and named as there", async () => {
  const { kernels, golden } = await deviceTestFiles();
  let started = 0;
  for (const path of [...kernels, ...golden]) {
    const text = await Deno.readTextFile(join(ROOT, path));
    assert.ok(!/import\.meta\.resolve|new Worker\(new URL/.test(text), `${path}: use assets.ts`);
    for (const [, module] of text.matchAll(/assetUrl\("([^"]+\.ts)"\)/g)) {
      assert.ok(STARTED.includes(module), `${path} starts ${module}`);
      started++;
    }
  }
  assert.ok(started > 0);
});

Deno.test("the table of cards is current", async () => {
  const page = await Deno.readTextFile(join(ROOT, "docs/gpus-and-drivers.md"));
  assert.equal(page, await pageWithTable(), "run deno task gpu-table");
});

Deno.test({
  name: "the kit checks a GPU from an empty folder, without a network, as a user without Deno",
  ignore: Deno.build.os !== "linux" || Deno.build.arch !== "x86_64",
}, async () => {
  await withFolder(async (folder) => {
    const { user, network } = await confinement();
    await Deno.chmod(folder, 0o755);
    const kit = join(folder, "kit");
    const args = ["task", "gpu-check", "--level", "0", "--output", kit];
    const packed = await start(Deno.execPath(), args, ROOT);
    assert.equal(packed.code, 0, packed.stderr);
    // Level 9, which the kit has, takes minutes: there it has 0.87 times these bytes.
    const { size } = await Deno.stat(kit);
    assert.ok(0.87 * size < 60e6, `${size} bytes at level 0`);
    const work = join(folder, "work");
    await Deno.mkdir(work);
    if (user.length > 0) await Deno.chown(work, NOBODY, NOBODY);
    const bare = [...network, ...user, "env", "-i", "PATH=/usr/bin:/bin", `TMPDIR=${work}`, kit];
    const check = async (...args: string[]) => {
      const [command, ...rest] = [...bare, ...args];
      const { code, stdout, stderr } = await start(command, rest, work);
      return { code, said: stdout + stderr };
    };
    const wrong = await check("--minutes", "no");
    assert.deepEqual(wrong, {
      code: 1,
      said: "error: --minutes is no: it must be a number above 0\n",
    });

    const { code, said } = await check("--minutes", "1", "--output", "results.json");
    const report: GpuReport = JSON.parse(await Deno.readTextFile(join(work, "results.json")));
    assert.ok(report.ended && report.seconds < 75, said);
    const { adapter } = report.stages.facts.result!.machine;
    assert.equal(code, adapter ? 0 : 1, said);
    if (adapter) {
      for (const { name } of STAGES) {
        const { state, note } = report.stages[name];
        assert.ok(state === "done" || state === "cut short", `${name} ${state}: ${note}\n${said}`);
      }
      const { kernels } = report.stages;
      assert.ok(kernels.result!.some(({ passed }) => passed > 0), said);
    } else assert.match(said, /^there (is no|are a) Vulkan/m);
    // Nothing is left of what was unpacked.
    assert.deepEqual([...Deno.readDirSync(work)].map(({ name }) => name), ["results.json"]);
  });
});
