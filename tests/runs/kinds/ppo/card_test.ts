import assert from "node:assert/strict";
import { parse } from "yaml";
import { resolveTrainConfig } from "../../../../lib/runs/settings/config.ts";
import { ppoCard } from "../../../../lib/runs/kinds/ppo/card.ts";

Deno.test("a model card has PEFT's front matter, the results and the settings", () => {
  const measured = (mean: number) => ({
    mean,
    std: 0.1,
    count: 2,
    interval: [mean - 0.1, mean + 0.1] as [number, number],
  });
  const card = ppoCard(
    { taskType: "CAUSAL_LM" },
    resolveTrainConfig({ seed: 7 }),
    {
      toxicity: { before: measured(0.5), after: measured(0.25) },
      reward: { before: -1, after: 2 },
      steps: 3,
      parameters: { trainable: 10, all: 100 },
      seconds: 1,
    },
    [{
      query: "a | b",
      responseBefore: "x",
      responseAfter: "y",
      rewardBefore: -1,
      rewardAfter: 2,
      difference: 3,
    }],
  );
  const [, frontMatter, body] = card.split(/^---\n/m);
  const { base_model, library_name, tags, pipeline_tag } = parse(frontMatter);
  assert.equal(pipeline_tag, "text-generation");
  assert.deepEqual([base_model, library_name], ["demo/tiny-flan-t5", "peft"]);
  assert.ok(tags.includes("lora"));
  assert.match(body, /^\| toxicity \| 0.5000 ± .* \| 0.2500 ± /m);
  assert.match(body, /^\| a \\\| b \| x \| y \| -1.000 \| 2.000 \| 3.000 \|$/m);
  assert.match(body, /"seed": 7/);
});
