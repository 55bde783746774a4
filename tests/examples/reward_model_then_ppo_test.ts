import assert from "node:assert/strict";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { withTempDir } from "../temp_dir.ts";

const script = fileURLToPath(new URL("../../examples/reward_model_then_ppo.ts", import.meta.url));

Deno.test("examples/reward_model_then_ppo.ts trains a reward model, then a policy with it", () =>
  withTempDir(async (dir) => {
    const { code, stdout, stderr } = await new Deno.Command(Deno.execPath(), {
      args: [
        ...["run", "--no-check", "-A", script, "--reward-steps", "3", "--steps", "1"],
        ...["--output", dir],
      ],
      env: { NO_COLOR: "1" },
    }).output();
    assert.equal(code, 0, new TextDecoder().decode(stderr));
    const printed = new TextDecoder().decode(stdout);
    const [, margin] = printed.match(/^reward step 3: accuracy .* margin (-?\d\.\d{3})$/m) ?? [];
    assert.ok(Number(margin) > 0, printed);
    assert.match(printed, /^ppo step 1: reward -?\d+\.\d{4} {2}\S.*\nsaved /m);
    for (const name of ["reward-model", "policy"]) {
      assert.ok(Deno.statSync(join(dir, name, "adapter_model.safetensors")).isFile, name);
    }
  }));

Deno.test("examples/reward_model_then_ppo.ts has fewer than 80 lines", async () => {
  assert.ok((await Deno.readTextFile(script)).split("\n").length <= 80);
});
