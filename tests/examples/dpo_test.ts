import assert from "node:assert/strict";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { withTempDir } from "../temp_dir.ts";

const script = fileURLToPath(new URL("../../examples/dpo.ts", import.meta.url));

Deno.test("examples/dpo.ts trains on a preference file, and saves an adapter", () =>
  withTempDir(async (dir) => {
    const { code, stdout, stderr } = await new Deno.Command(Deno.execPath(), {
      args: ["run", "-A", script, "--steps", "2", "--output", dir],
      env: { NO_COLOR: "1" },
    }).output();
    assert.equal(code, 0, new TextDecoder().decode(stderr));
    assert.match(
      new TextDecoder().decode(stdout),
      /^256 pairs .* 32 to measure on\nstep 1: loss 0\.6931 {2}margin 0\.000\nstep 2: .*\naccuracy [01]\.\d{3}\nbefore: \S.*\nafter: {2}\S.*\n$/,
    );
    assert.ok(Deno.statSync(join(dir, "adapter_model.safetensors")).isFile);
  }));

Deno.test("examples/dpo.ts has fewer than 80 lines", async () => {
  assert.ok((await Deno.readTextFile(script)).split("\n").length <= 80);
});
