import assert from "node:assert/strict";
import { compileKernels, readReport } from "../../lib/doctor/compile_report.ts";
import { selfTest } from "../../lib/doctor/self_test.ts";
import { gpuTest } from "../device.ts";

const COMPILED = [
  `{"compiling":"a.f"}`,
  "a line of the driver's",
  `{"compiled":"a.f","seconds":0.5}`,
  `{"compiling":"b.g"}`,
];

gpuTest("doctor compiles the kernels of training in a process of its own", async () => {
  const { kernels, seconds, slowest, halfFloats, failure } = (await compileKernels("webgpu"))!;
  assert.equal(failure, null);
  assert.ok(kernels > 50, `${kernels} kernels`);
  assert.ok(slowest!.seconds <= seconds);
  assert.match(slowest!.kernel, /^\w+\.\w+$/);
  assert.match(halfFloats!, /^(right|not offered)$/);
});

Deno.test("the kernel that a process crashed on is named", () => {
  const crashed = readReport({ success: false, stdout: COMPILED.join("\n"), stderr: "" });
  assert.equal(crashed.failure, "b.g does not compile: the process ended");
  assert.deepEqual(crashed.slowest, { kernel: "a.f", seconds: 0.5 });
  const stdout = [...COMPILED, `{"compiled":"b.g","seconds":1}`].join("\n");
  const stderr = "error: Uncaught (in promise) Error: b/g.wgsl:3:1: no definition\n    at x";
  assert.equal(
    readReport({ success: false, stdout, stderr }).failure,
    "b/g.wgsl:3:1: no definition",
  );
  assert.equal(
    readReport({ success: false, stdout, stderr: "" }).failure,
    "the process ended after b.g",
  );
  const halves = `${stdout}\n{"compiling":"f16"}\n{"halfFloats":"wrong"}`;
  assert.deepEqual(readReport({ success: true, stdout: halves, stderr: "" }), {
    kernels: 2,
    seconds: 1.5,
    slowest: { kernel: "b.g", seconds: 1 },
    halfFloats: "wrong",
    failure: null,
  });
});

Deno.test("a GPU whose kernels do not compile is not tested in this process", async () => {
  const crashed = readReport({ success: false, stdout: COMPILED.join("\n"), stderr: "" });
  const checks = await selfTest(["webgpu"], () => {}, () => Promise.resolve(crashed));
  const seen = checks.map(({ name, passed, detail }) => [name, passed, detail]);
  assert.deepEqual(seen, [["compile", false, "b.g does not compile: the process ended"]]);
});
