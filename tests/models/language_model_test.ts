import assert from "node:assert/strict";
import { checkTokens } from "../../lib/models/language_model.ts";

Deno.test("checkTokens names the first id beyond the vocabulary", () => {
  const model = { vocabSize: 37 };
  checkTokens(model, [0, 36], "query 3");
  for (const bad of [37, -1, 1.5, NaN]) {
    assert.throws(() => checkTokens(model, [0, bad, 99], "query 3"), {
      name: "UserError",
      message: new RegExp(`^query 3 has the token ${bad}, the model's vocabulary has 37: `),
    });
  }
});
