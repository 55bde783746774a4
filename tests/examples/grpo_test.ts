import assert from "node:assert/strict";
import { fileURLToPath } from "node:url";
import { withFolder } from "../cli/temper.ts";

Deno.test("examples/grpo.ts trains with its own reward, and saves an adapter", () =>
  withFolder(async (folder) => {
    const script = fileURLToPath(new URL("../../examples/grpo.ts", import.meta.url));
    const { code, stdout, stderr } = await new Deno.Command(Deno.execPath(), {
      args: ["run", "--no-check", "-A", script, "--steps", "2"],
      cwd: folder,
      env: { NO_COLOR: "1" },
    }).output();
    assert.equal(code, 0, new TextDecoder().decode(stderr));
    const printed = new TextDecoder().decode(stdout);
    assert.match(printed, /^step 1: reward \d\.\d{4}, \d+\.\d tokens$/m);
    assert.match(printed, /^step 2: .*\na summary: \S.*\nsaved grpo-adapter$/m);
    assert.ok((await Deno.stat(`${folder}/grpo-adapter/adapter_model.safetensors`)).size > 0);
  }));
