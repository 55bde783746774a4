import assert from "node:assert/strict";
import { fileURLToPath } from "node:url";
import { resolveRepo } from "../../lib/hub/resolve.ts";
import { explained, someBytes, withHub } from "./with_hub.ts";

Deno.test("what is a path here is that, what is not may be a repository", async () => {
  await withHub(async ({ hub, settings, inCache }) => {
    const commit = hub.commit("models/org/name", { "model.safetensors": someBytes(10) });
    const folder = inCache(`models--org--name/snapshots/${commit}`);
    assert.equal(await resolveRepo("model", "org/name", {}, settings), folder);
    assert.equal(await resolveRepo("model", `org/name@${commit}`, {}, settings), folder);
    const count = hub.requests.length;
    for (const path of ["lib/hub", "./org/name", "runs/first/adapter", "t5-small"]) {
      assert.equal(await resolveRepo("model", path, {}, settings), path);
    }
    assert.equal(hub.requests.length, count);
    const nowhere = resolveRepo("dataset", "org/name", {}, settings);
    await assert.rejects(nowhere, explained(/^cannot find the dataset org\/name, neither as a f/));
  });
});

Deno.test("proxies are taken from the usual variables", async () => {
  await withHub(async ({ hub, inCache }) => {
    const commit = hub.commit("models/org/name", { "model.safetensors": someBytes(10) });
    const module = new URL("../../lib/hub/resolve.ts", import.meta.url);
    const { stdout, stderr } = await new Deno.Command(Deno.execPath(), {
      cwd: fileURLToPath(new URL("../..", import.meta.url)),
      args: [
        "eval",
        "--no-check",
        `
        const { resolveRepo } = await import("${module}");
        console.log(await resolveRepo("model", "org/name"));
      `,
      ],
      // Nobody but the proxy, played by the stand-in, knows a host of this name.
      env: { HTTP_PROXY: hub.url, HF_ENDPOINT: "http://hub.invalid", HF_HOME: inCache(".") },
    }).output();
    assert.equal(new TextDecoder().decode(stderr), "");
    const folder = inCache(`hub/models--org--name/snapshots/${commit}`);
    assert.equal(new TextDecoder().decode(stdout).trim(), folder);
    assert.equal(hub.requests[0].headers.get("host"), "hub.invalid");
  });
});
