import assert from "node:assert/strict";
import { openDawn } from "../dawn.ts";
import { compileAll, recordedPipelines } from "./recorded.ts";

Deno.test({
  name: "every recorded pipeline compiles in Dawn",
  ignore: !Deno.env.has("TEMPER_PIPELINES"),
  fn: async () => {
    const dawn = await openDawn();
    if ("missing" in dawn) throw new Error(dawn.missing);
    assert.deepEqual(await compileAll(dawn.gpu, [...recordedPipelines()]), []);
  },
});
