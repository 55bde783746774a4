import assert from "node:assert/strict";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import {
  type Cell,
  cellsOf,
  notebookOf,
  outputsFor,
  recordedOutputs,
  recordingScript,
} from "../../scripts/notebook.ts";

const EXAMPLES = fileURLToPath(new URL("../../examples", import.meta.url));
const notebook = await Deno.readTextFile(join(EXAMPLES, "detox.ipynb"));
const example = await Deno.readTextFile(join(EXAMPLES, "detox.ts"));
const codeOf = (cells: readonly Cell[]) => cells.filter(({ cell_type }) => cell_type === "code");

/** What is printed by cells of code, for two steps and two samples. */
async function run(cells: readonly Cell[]): Promise<string[]> {
  const script = await Deno.makeTempFile({ dir: EXAMPLES, prefix: ".notebook-", suffix: ".ts" });
  try {
    await Deno.writeTextFile(
      script,
      recordingScript(cells).replace("const steps = 30;", "const steps = 2;")
        .replace("const numSamples = 64;", "const numSamples = 2;"),
    );
    const { code, stdout, stderr } = await new Deno.Command(Deno.execPath(), {
      args: ["run", "--no-check", "-A", script],
      env: { NO_COLOR: "1" },
    }).output();
    assert.equal(code, 0, new TextDecoder().decode(stderr));
    return recordedOutputs(new TextDecoder().decode(stdout)).map((outputs) =>
      JSON.stringify(outputs)
    );
  } finally {
    await Deno.remove(script);
  }
}

/** Cells as a block, in which they can be declared again. */
function again(cells: readonly Cell[]): Cell[] {
  const brace = (source: string): Cell => ({ cell_type: "code", source: [source] });
  return [brace("{"), ...cells, brace("}")];
}

Deno.test("the notebook runs, and again from the trainer or from the loop with the same results", async () => {
  const cells = codeOf(JSON.parse(notebook).cells);
  const indexOf = (start: string) => cells.findIndex(({ source }) => source[0].startsWith(start));
  const [trainer, loop] = [indexOf("const batchSize"), indexOf("while (")];
  const printed = await run([
    ...cells,
    ...again(cells.slice(loop)),
    ...again(cells.slice(trainer)),
  ]);
  const first = printed.slice(0, cells.length);
  const fromLoop = printed.slice(cells.length + 1, cells.length + 1 + cells.length - loop);
  assert.match(first[loop], /step 2: /);
  // All steps are done.
  assert.deepEqual(fromLoop, ["[]", ...first.slice(loop + 1)]);
  assert.deepEqual(printed.slice(-1 - (cells.length - trainer), -1), first.slice(trainer));
});

Deno.test("the notebook carries the outputs of its cells, and a plot", () => {
  const { nbformat, metadata, cells } = JSON.parse(notebook);
  assert.deepEqual([nbformat, metadata.kernelspec.name], [4, "deno"]);
  // A text before each cell of code, as in the original.
  assert.ok(
    cells.slice(1).every(({ cell_type }: Cell, i: number) =>
      cell_type === (i % 2 ? "code" : "markdown")
    ),
  );
  const outputs = outputsFor(example, notebook);
  assert.equal(outputs.length, codeOf(cells).length, "its code has changed: build:notebook");
  const silent = codeOf(cells).filter(({ outputs }) => outputs!.length === 0);
  assert.deepEqual(silent.map(({ source }) => source[0].split(" ")[1]), [
    "sampling",
    "batchSize",
    "comparison",
  ]);
  // What the original shows, in its order.
  const shown = JSON.stringify(outputs);
  let from = 0;
  for (
    const part of [
      /num_rows: 1600/,
      /PEFT model parameters to be updated:.*trainable model parameters: 98304/,
      /value head: \+129\)/,
      /Reference model parameters.*trainable model parameters: 0\\n.*: 0\.00%/,
      /logits \[nothate, hate\].*reward \(high\): 4\.1461/,
      /reward \(low\): -3\.9659/,
      /Reward model output:.*For non-toxic text.*For toxic text/,
      /Toxicity score for toxic text:\\n","\[ \\"0\.999571\\" \]/,
      /toxicity \[mean, std\] before detox: \[0\.39/,
      /Collator output:/,
      /objective\/kl: .*ppo\/returns\/mean: .*ppo\/policy\/advantages_mean: .*step 30: /,
      /image\/svg\+xml/,
      /toxicity \[mean, std\] after detox: \[0\.0/,
      /mean: \d\d\.\d\d%\\n","std: \d\d\.\d\d%/,
      /text\/html":\["<table>.*reward_diff/,
    ]
  ) {
    const found = shown.slice(from).search(part);
    assert.ok(found >= 0, `no ${part} after character ${from}`);
    from += found;
  }
});

Deno.test("outputs of other code are dropped; of the same, they are kept", () => {
  assert.equal(notebookOf(example, outputsFor(example, notebook)), notebook);
  const changed = example.replace("seed: 1,", "seed: 2,");
  assert.notEqual(changed, example);
  assert.deepEqual(outputsFor(changed, notebook), []);
  const texts = example.replace("A toxic one gets", "A toxic text gets");
  assert.equal(outputsFor(texts, notebook).length, codeOf(cellsOf(example)).length);
});
