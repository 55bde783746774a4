import assert from "node:assert/strict";
import { z } from "../../lib/packages/zod.ts";
import { partOf, without } from "../../lib/settings/part.ts";

Deno.test("fields are left out, the others keep their order", () => {
  const fields = { steps: 1, seed: 2, rate: 3, beta: 4 };
  assert.deepEqual(Object.keys(without(fields, "seed", "steps")), ["rate", "beta"]);
  assert.deepEqual(without(fields), fields);
});

Deno.test("the settings of a schema are taken from those of a larger one", () => {
  const schema = z.strictObject({ rate: z.number(), steps: z.number() });
  const settings = { kind: "x", steps: 2, rate: 1 };
  const part: { rate: number; steps: number } = partOf(schema, settings);
  assert.deepEqual(part, { rate: 1, steps: 2 });
});
