import assert from "node:assert/strict";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import type { Cell } from "../../scripts/notebook.ts";

const EXAMPLES = fileURLToPath(new URL("../../examples", import.meta.url));

Deno.test("the cells of examples/detox.ipynb run, one after the other", async () => {
  const notebook = JSON.parse(await Deno.readTextFile(join(EXAMPLES, "detox.ipynb")));
  assert.deepEqual([notebook.nbformat, notebook.metadata.kernelspec.name], [4, "deno"]);
  const cells = notebook.cells as Cell[];
  // A section of text before each cell of code, as in the original.
  assert.ok(cells.every(({ cell_type }, i) => cell_type === (i % 2 ? "code" : "markdown")));
  assert.ok(cells.length >= 18);
  const code = cells.filter(({ cell_type }) => cell_type === "code")
    .map(({ source }) => source.join("")).join("\n")
    .replace("const steps = 30;", "const steps = 1;")
    .replace("const numSamples = 64;", "const numSamples = 2;");
  const script = await Deno.makeTempFile({ dir: EXAMPLES, prefix: ".notebook-", suffix: ".ts" });
  try {
    await Deno.writeTextFile(script, code);
    const { code: exit, stdout, stderr } = await new Deno.Command(Deno.execPath(), {
      args: ["run", "-A", script],
      env: { NO_COLOR: "1" },
    }).output();
    assert.equal(exit, 0, new TextDecoder().decode(stderr));
    const printed = new TextDecoder().decode(stdout);
    assert.match(printed, /step 1: reward -?\d+\.\d{3}, kl 0\.000/);
    assert.match(printed, /toxicity after: mean 0\.\d{4} .* 2 samples/);
  } finally {
    await Deno.remove(script);
  }
});
