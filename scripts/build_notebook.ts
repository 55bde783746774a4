/**
 * Runs the cells of examples/detox.ts and writes examples/detox.ipynb with what they showed. The
 * numbers may depend on the device, so that `build:docs --check` compares the cells alone.
 *
 * deno task build:notebook
 */
import { join } from "node:path";
import { cellsOf, notebookOf, recordedOutputs, recordingScript } from "./notebook.ts";
import { ROOT } from "./program.ts";

const examples = join(ROOT, "examples");
const example = await Deno.readTextFile(join(examples, "detox.ts"));
const script = await Deno.makeTempFile({ dir: examples, prefix: ".notebook-", suffix: ".ts" });
try {
  await Deno.writeTextFile(script, recordingScript(cellsOf(example)));
  const { success, stdout } = await new Deno.Command(Deno.execPath(), {
    args: ["run", "--no-check", "-A", script],
    env: { NO_COLOR: "1" },
    stderr: "inherit",
  }).output();
  if (!success) Deno.exit(1);
  const outputs = recordedOutputs(new TextDecoder().decode(stdout));
  await Deno.writeTextFile(join(examples, "detox.ipynb"), notebookOf(example, outputs));
  console.log(`examples/detox.ipynb: ${outputs.length} cells of code`);
} finally {
  await Deno.remove(script);
}
