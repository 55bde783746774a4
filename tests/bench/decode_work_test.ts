import assert from "node:assert/strict";
import { workPerStep } from "../../bench/decode_work.ts";
import { DECODER_SHAPES } from "../../bench/shapes.ts";

Deno.test("a decoding step's launches and bytes are counted without a GPU", async () => {
  const { kernels, reads } = await workPerStep(DECODER_SHAPES.tiny, {
    rows: 3,
    prompt: 10,
    new: 17,
  });
  const work = new Map(kernels.map((each) => [each.kernel.replace(/^.*\./, ""), each]));
  const dispatches = kernels.reduce((sum, each) => sum + each.dispatches, 0);
  // 2 layers of 7; the embedding, the last norm with the value head, the logits and the draw.
  assert.equal(dispatches, 2 * 7 + 4);
  assert.equal(reads, 2 / 16);
  // 3 heads and 1 key head of 16; 9 tokens of the prompts, and 2 to 17 of the responses.
  const attention = work.get("attention_decode")!;
  assert.deepEqual([attention.dispatches, attention.workgroups], [2, 2 * 9]);
  const keys = 3 * 9 + 3 * (2 + 17) / 2;
  assert.equal(attention.bytesRead, 2 * 4 * (3 * 48 + 2 * 16 * keys));
  assert.equal(attention.bytesWritten, 2 * 4 * 3 * 48);
  // bf16 weights of o, 48 x 48, and of the outer layer, 48 x 96, and the head's, 500 x 48.
  const weights = 2 * (2 * (48 * 48 + 48 * 96) + 500 * 48);
  const activations = 4 * 3 * (2 * (48 + 48 + 96 + 48) + 48);
  assert.equal(work.get("narrow")!.bytesRead, weights + activations);
});
