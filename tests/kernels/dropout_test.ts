import assert from "node:assert/strict";
import { Random } from "../../lib/random.ts";
import { Context } from "../../lib/tensor/context.ts";
import { dropout } from "../../lib/tensor/ops/dropout.ts";
import { checkOp } from "../check_op.ts";
import { deviceTest } from "../device.ts";
import { randomValues } from "../reference/check.ts";
import { dropoutMask } from "../reference/dropout.ts";
import { philox4x32 } from "../reference/philox.ts";

Deno.test("reference: Philox4x32-10 gives the known answers of Random123", () => {
  // kat_vectors of https://github.com/DEShawResearch/random123
  const ones = 0xffffffff;
  const answers: [Parameters<typeof philox4x32>[0], Parameters<typeof philox4x32>[1], string][] = [
    [[0, 0, 0, 0], [0, 0], "6627e8d5 e169c58d bc57ac4c 9b00dbd8"],
    [[ones, ones, ones, ones], [ones, ones], "408f276d 41c83b0e a20bc7c6 6d5451fd"],
    [
      [0x243f6a88, 0x85a308d3, 0x13198a2e, 0x03707344],
      [0xa4093822, 0x299f31d0],
      "d16cfe09 94fdcceb 5001e420 24126ea1",
    ],
  ];
  for (const [counter, key, expected] of answers) {
    const words = philox4x32(counter, key).map((word) => word.toString(16).padStart(8, "0"));
    assert.equal(words.join(" "), expected);
  }
});

deviceTest("dropout: output and gradient, with the masks of the reference", async (device) => {
  const options = [
    { p: 0.1, seed: 42, stream: 0 },
    { p: 0.5, seed: -1, stream: 0xfffffff0 },
  ];
  for (const length of [1, 6, 4096, 4103]) {
    const random = new Random(length);
    for (const option of options) {
      const x = randomValues(random, length);
      const dOutput = randomValues(random, length);
      const mask = dropoutMask(length, option);
      await checkOp(device, {
        inputs: [{ name: "x", values: x, shape: [length] }],
        op: (cx, x) => dropout(cx, x, option),
        output: x.map((value, i) => value * mask[i]),
        dOutput,
        gradients: [dOutput.map((value, i) => value * mask[i])],
        tolerance: 1e-6,
      });
    }
  }
});

deviceTest("dropout: p = 0 gives the tensor itself", (device) => {
  const cx = new Context(device);
  const x = cx.from(new Float32Array(3));
  assert.equal(dropout(cx, x, { p: 0, seed: 1, stream: 1 }), x);
  cx.release();
  return Promise.resolve();
});

deviceTest("dropout: keeps a share of 1 - p; another stream is another mask", async (device) => {
  const cx = new Context(device);
  const x = cx.from(new Float32Array(100_000).fill(1));
  const masks: Float32Array[] = [];
  for (const stream of [0, 1]) {
    const y = await dropout(cx, x, { p: 0.25, seed: 7, stream }).read();
    const kept = y.filter((value) => value !== 0).length / y.length;
    assert.ok(Math.abs(kept - 0.75) < 0.005, `${kept}`);
    masks.push(y);
  }
  // Independent masks agree with probability p² + (1 - p)².
  const same = masks[0].filter((value, i) => value === masks[1][i]).length / x.length;
  assert.ok(Math.abs(same - 0.625) < 0.01, `${same}`);
  cx.release();
});
