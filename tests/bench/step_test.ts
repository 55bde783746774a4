import assert from "node:assert/strict";
import { DECODER_SHAPES } from "../../bench/shapes.ts";
import { STEP_ALGORITHMS, stepSubject } from "../../bench/step_subjects.ts";
import { WasmDevice } from "../../lib/device/wasm/wasm_device.ts";

/** Parts of a step of each algorithm. */
const PARTS = {
  grpo: ["generate", "reference", "update"],
  dpo: ["reference", "update"],
  reward: ["update"],
};

for (const algorithm of STEP_ALGORITHMS) {
  Deno.test(`a step of ${algorithm} on random weights has its parts, again and again`, async () => {
    const device = await WasmDevice.create({ threads: 1 });
    const sizes = { prompts: 2, responses: 2, prompt: 5, new: 3, dtype: "bf16" } as const;
    const subject = stepSubject(device, algorithm, DECODER_SHAPES.tiny, sizes);
    for (const step of [0, 1]) {
      const marks: string[] = [];
      await subject.run(step, (part) => void marks.push(part));
      assert.deepEqual(marks, PARTS[algorithm]);
    }
    assert.ok(subject.products.length > 0);
    device.close();
  });
}
