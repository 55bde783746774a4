import assert from "node:assert/strict";
import { checkFinite } from "../../lib/training/divergence.ts";

Deno.test("the first number of a step that is not finite is named", () => {
  checkFinite("step 1", { loss: -2, "gradient's norm": 0 });
  assert.throws(() => checkFinite("PPO step 3", { loss: 1, "gradient's norm": Infinity }), {
    name: "TrainingDivergedError",
    message:
      "training diverged in PPO step 3: the gradient's norm is Infinity; the parameters are " +
      "those of the last finite update; try a lower `learningRate` or a `maxGradNorm`",
  });
});
