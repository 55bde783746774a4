/**
 * Tests the WGSL on Dawn, Chrome's implementation of WebGPU, which is stricter than Deno's: every pipeline
 * that the last `test:webgpu` made is compiled, in Dawn and in Chromium; then tests of kernels, the device
 * and a model run on Dawn and SwiftShader. Where Dawn is missing a line says so; with CI=true that is a
 * failure.
 *
 * deno task test:dawn
 */
import { existsSync } from "node:fs";
import { findDawn } from "./dawn.ts";
import { PIPELINES, RECORDING, runTests, TOGETHER } from "./test_webgpu.ts";

/** Tests that run on Dawn: about 4 minutes on two cores, most of them SwiftShader's compiler. */
const FILES = [
  "tests/kernels",
  "tests/device/dawn_test.ts",
  "tests/device/together_test.ts",
  "tests/device/webgpu_device_test.ts",
  "tests/golden/forward_test.ts",
  "tests/golden/generate_test.ts",
  "tests/golden/gradients_test.ts",
  "tests/golden/ppo_test.ts",
];
/** Time for them, on a busy machine: beyond it, something waits for Dawn in vain. */
const LIMIT_MINUTES = 30;

async function mustPass(
  args: readonly string[],
  env: Readonly<Record<string, string>>,
): Promise<void> {
  const code = await runTests(args, env, LIMIT_MINUTES);
  if (code !== 0) Deno.exit(code);
}

const dawn = await findDawn();
if ("missing" in dawn) {
  console.error(`tests on Dawn are skipped: ${dawn.missing}`);
  Deno.exit(Deno.env.get("CI") === "true" ? 1 : 0);
}
if (!existsSync(PIPELINES)) {
  await mustPass([...RECORDING.args, "tests/kernels"], {
    TEMPER_DEVICE: "webgpu",
    ...RECORDING.env,
  });
}
await mustPass(["tests/pipelines"], RECORDING.env);
await mustPass([TOGETHER, "--", ...FILES], { TEMPER_DEVICE: "dawn" });
