import assert from "node:assert/strict";
import { Context } from "../../../lib/tensor/context.ts";
import { applyDropout, dropout } from "../../../lib/tensor/ops/dropout.ts";
import { withDevice } from "../../device.ts";

Deno.test("applyDropout: the pass's next mask where dropout is on, else nothing", () =>
  withDevice(async (device) => {
    const off = new Context(device);
    const x = off.from(new Float32Array(100).fill(1));
    assert.equal(applyDropout(off, x, 0.5), x);
    const on = new Context(device, { dropoutSeed: 3 });
    assert.equal(applyDropout(on, x, 0), x);
    const again = new Context(device, { dropoutSeed: 3 });
    for (const _ of [0, 1]) {
      const expected = await dropout(again, x, again.nextDropout(0.5)).read();
      assert.deepEqual(await applyDropout(on, x, 0.5).read(), expected);
      assert.ok(expected.includes(0) && expected.includes(2));
    }
  }));
