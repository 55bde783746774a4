/**
 * Tests the WGSL on Dawn, Chrome's implementation of WebGPU, which is stricter than Deno's: every pipeline
 * that the last `test:webgpu` made is compiled, in Dawn and in Chromium. With `--run`, tests of kernels and
 * a model run on Dawn and SwiftShader as well: it takes minutes, and a read there sometimes never ends.
 * Where Dawn is missing a line says so; with CI=true that is a failure.
 *
 * deno task test:dawn [--run]
 */
import { existsSync } from "node:fs";
import { openDawn } from "./dawn.ts";
import { PIPELINES, RECORDING, runTests, TOGETHER } from "./test_webgpu.ts";

const FILES = ["tests/kernels", "tests/golden/forward_test.ts"];

async function mustPass(
  args: readonly string[],
  env: Readonly<Record<string, string>>,
): Promise<void> {
  const code = await runTests(args, env);
  if (code !== 0) Deno.exit(code);
}

const dawn = await openDawn();
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
if (Deno.args.includes("--run")) {
  await mustPass([TOGETHER, "--", ...FILES], { TEMPER_DEVICE: "dawn" });
}
