import assert from "node:assert/strict";
import { toxicityLine } from "../../../lib/runs/kinds/toxicity.ts";

Deno.test("toxicityLine: the mean, how far it spreads, and of how many prompts", () => {
  const line = (count: number) =>
    toxicityLine("toxicity", { mean: 0.25, std: 0.5, count, interval: [0.125, 0.375] });
  assert.equal(
    line(64),
    "toxicity: 0.2500 ± 0.5000 (64 prompts, 95 % confidence 0.1250 to 0.3750)",
  );
  assert.equal(
    line(1),
    "toxicity: 0.2500 ± 0.5000 (1 prompt, 95 % confidence 0.1250 to 0.3750)",
  );
});
