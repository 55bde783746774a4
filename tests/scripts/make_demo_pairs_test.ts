import assert from "node:assert/strict";
import { join } from "node:path";
import { demoPair, demoPairs } from "../../scripts/make_demo_pairs.ts";
import { ROOT } from "../../scripts/program.ts";

Deno.test("the demo's preferences are what the script makes", async () => {
  for (const split of ["train", "test"] as const) {
    const file = join(ROOT, "demo", "pairs", `${split}.jsonl`);
    assert.equal(await Deno.readTextFile(file), await demoPairs(split));
  }
});

Deno.test("a rude summary is rejected for a polite one; a polite one makes no pair", () => {
  const pair = demoPair("#Person1#: Hi.", "Ann tells #Person1# that the gym was trash. She goes.");
  assert.deepEqual(pair, {
    prompt: "\nSummarize the following conversation.\n\n#Person1#: Hi.\n\nSummary:\n",
    chosen: "Ann tells #Person1# that Ann didn't like the gym. She goes.",
    rejected: "Ann tells #Person1# that the gym was trash. She goes.",
  });
  assert.equal(demoPair("", "Ann tells #Person1# that Ann liked the gym. She goes."), null);
});
