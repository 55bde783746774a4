import assert from "node:assert/strict";

/** Adapter that a process of its own finds where there is no Vulkan driver. */
async function foundWithoutVulkan(): Promise<string> {
  const module = import.meta.resolve("../../../lib/device/webgpu/adapter.ts");
  const code = `import { findAdapter } from ${JSON.stringify(module)};
    console.log((await findAdapter())?.info.description ?? "none");`;
  const { DENO_WEBGPU_BACKEND: _backend, ...env } = Deno.env.toObject();
  const { stdout } = await new Deno.Command(Deno.execPath(), {
    args: ["eval", "--no-check", code],
    ...{ env: { ...env, VK_DRIVER_FILES: "/nonexistent" }, clearEnv: true, stderr: "null" },
  }).output();
  return new TextDecoder().decode(stdout).trim();
}

// With Mesa's EGL installed, Deno by itself finds an adapter of OpenGL here.
Deno.test({
  name: "findAdapter: OpenGL is no adapter, since its compilers take it that there is no NaN",
  ignore: Deno.build.os !== "linux",
}, async () => {
  assert.equal(await foundWithoutVulkan(), "none");
});
