import assert from "node:assert/strict";
import { parse } from "yaml";
import { sftCard } from "../../../../lib/runs/kinds/sft/card.ts";
import { resolveSftConfig } from "../../../../lib/runs/settings/sft_config.ts";

for (const full of [false, true]) {
  Deno.test(`the card of ${full ? "a model" : "an adapter"} has front matter, results and settings`, () => {
    const rouge = (value: number) => ({
      rouge1: value,
      rouge2: value,
      rougeL: value,
      rougeLsum: value,
    });
    const card = sftCard(
      { taskType: full ? "CAUSAL_LM" : "SEQ_2_SEQ_LM" },
      resolveSftConfig({ seed: 7, full }),
      {
        output: "run",
        trained: "run/adapter",
        loss: { before: 3, after: 0.5 },
        rouge: { before: rouge(0.25), after: rouge(0.75) },
        steps: 3,
        parameters: { trainable: 10, all: 100 },
        seconds: 1,
      },
      64,
    );
    const [, frontMatter, body] = card.split(/^---\n/m);
    const { base_model, library_name, tags, pipeline_tag } = parse(frontMatter);
    assert.equal(pipeline_tag, full ? "text-generation" : "text2text-generation");
    assert.deepEqual(
      [base_model, library_name],
      ["demo/tiny-flan-t5", full ? "transformers" : "peft"],
    );
    assert.deepEqual([tags.includes("lora"), tags.includes("sft")], [!full, true]);
    assert.match(body, /^\| loss \| 3.0000 \| 0.5000 \|\n\| rouge1 \| 0.2500 \| 0.7500 \|$/m);
    assert.match(body, /On 64 examples/);
    assert.match(body, /"seed": 7/);
    assert.doesNotMatch(body, /"output"/);
  });
}
