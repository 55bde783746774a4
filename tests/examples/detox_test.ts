import assert from "node:assert/strict";
import { fileURLToPath } from "node:url";

Deno.test("examples/detox.ts runs, section by section", async () => {
  const script = fileURLToPath(new URL("../../examples/detox.ts", import.meta.url));
  const { code, stdout, stderr } = await new Deno.Command(Deno.execPath(), {
    args: ["run", "-A", script, "--steps", "1", "--samples", "2"],
    env: { NO_COLOR: "1" },
  }).output();
  assert.equal(code, 0, new TextDecoder().decode(stderr));
  const printed = new TextDecoder().decode(stdout);
  const sections = [
    /num_rows: 1600/,
    /trainable model parameters: 98433\nall model parameters: 1066881/,
    /reward \(high\): 4\.1461/,
    /toxicity \[mean, std\] before detox: \[0\.\d{6}, /,
    /step 1: reward -?\d+\.\d{4}\nobjective\/kl: 0\.000000/,
    /toxicity \[mean, std\] after detox: \[0\.\d{6}, /,
    /mean: .*%\nstd: .*%/,
    / {2}before: \S.*\n {2}after: {2}\S/,
  ];
  let from = 0;
  for (const section of sections) {
    const found = printed.slice(from).search(section);
    assert.ok(found >= 0, `no ${section} after character ${from} of:\n${printed}`);
    from += found;
  }
});
