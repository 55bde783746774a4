import assert from "node:assert/strict";
import { existsSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { SWIFTSHADER } from "../dawn.ts";

const CLI = fileURLToPath(new URL("../../cli.ts", import.meta.url));
const ignore = Deno.env.get("CI") !== "true" && !existsSync(SWIFTSHADER);

/** Runs a command line on SwiftShader with these flags of Deno and no prompts. */
async function runWith(flags: string[], ...args: string[]) {
  const { code, stdout, stderr } = await new Deno.Command(Deno.execPath(), {
    args: [
      "run",
      "--no-prompt",
      "--no-check",
      "--allow-read",
      "--allow-env",
      ...flags,
      CLI,
      ...args,
    ],
    env: { NO_COLOR: "1", VK_DRIVER_FILES: SWIFTSHADER },
  }).output();
  const text = (bytes: Uint8Array) => new TextDecoder().decode(bytes);
  return { code, stdout: text(stdout), stderr: text(stderr) };
}

Deno.test({
  name: "doctor: Dawn is loaded when it is asked for, and tells of subgroup matrices",
  ignore,
  fn: async () => {
    const { code, stdout } = await runWith(
      ["--allow-ffi", "--allow-sys"],
      ...["doctor", "--no-self-test", "--device", "dawn", "--json"],
    );
    assert.equal(code, 0);
    const { adapter, dawn } = JSON.parse(stdout).machine;
    assert.match(dawn.description, /^Dawn, SwiftShader.* \(software\)$/);
    assert.match(adapter.description, /^WebGPU, SwiftShader/);
    assert.deepEqual(dawn.subgroupMatrices, []);
    assert.deepEqual(dawn.missing, []);
  },
});

Deno.test("without its permission, one line says what Dawn needs", async () => {
  const { code, stdout, stderr } = await runWith(["--allow-sys"], "doctor", "--device", "dawn");
  assert.deepEqual([code, stdout], [1, ""]);
  const lines = stderr.trim().split("\n");
  assert.equal(lines.length, 1, stderr);
  assert.match(
    lines[0],
    /^error: --device dawn needs npm:webgpu@\S+, which does not load \(it needs the network once, and Deno's permission ffi\): Requires ffi access/,
  );
});
