import assert from "node:assert/strict";
import type { Device } from "../../lib/device/device.ts";
import * as kernels from "../../kernels/elementwise/elementwise.ts";
import { Context } from "../../lib/tensor/context.ts";
import { activation } from "../../lib/tensor/ops/activation.ts";
import { add, scale } from "../../lib/tensor/ops/elementwise.ts";
import { Tensor } from "../../lib/tensor/tensor.ts";
import { withDevice } from "../device.ts";

/** A tensor that wants a gradient and has none yet. */
function wanted(tensor: Tensor): Tensor {
  tensor.requiresGrad = true;
  return tensor;
}

/** A parameter with its gradient, outside of any context. */
function parameter(device: Device, values: number[], gradient: number[]): Tensor {
  const make = (data: number[]) => {
    const tensor = new Tensor(device, device.alloc(data.length * 4), [data.length]);
    tensor.write(Float32Array.from(data));
    return tensor;
  };
  const tensor = wanted(make(values));
  tensor.grad = make(gradient);
  return tensor;
}

Deno.test("Context: empty and from give tensors of a shape, release frees them", () =>
  withDevice(async (device) => {
    const { used } = device.memory;
    const cx = new Context(device);
    assert.deepEqual(cx.empty([2, 3], "bf16").shape, [2, 3]);
    assert.equal(cx.empty([2, 3], "bf16").buffer.byteLength, 12);
    const floats = cx.from(Float32Array.of(1, 2, 3, 4), [2, 2]);
    assert.deepEqual([floats.dtype, ...await floats.read()], ["f32", 1, 2, 3, 4]);
    const ints = cx.from(Int32Array.of(7, -8));
    assert.deepEqual([ints.dtype, ...ints.shape, ...await ints.readInts()], ["i32", 2, 7, -8]);
    assert.ok(device.memory.used > used);
    cx.release();
    assert.equal(device.memory.used, used);
    cx.release(); // nothing is left to free twice
  }));

Deno.test("Context: free gives a temporary back at once", () =>
  withDevice((device) => {
    const cx = new Context(device);
    cx.empty([1]);
    const { used } = device.memory;
    const temporary = cx.empty([1000]);
    cx.free(temporary);
    assert.equal(device.memory.used, used);
    cx.release();
    assert.equal(device.memory.used, 0);
    return Promise.resolve();
  }));

Deno.test("Context: zero clears a tensor", () =>
  withDevice(async (device) => {
    const cx = new Context(device);
    const x = cx.from(Float32Array.of(1, NaN, 3));
    cx.zero(x);
    assert.deepEqual([...await x.read()], [0, 0, 0]);
    cx.release();
  }));

Deno.test("Context: nextDropout numbers the masks of a pass", () =>
  withDevice((device) => {
    const cx = new Context(device, { dropoutSeed: 9 });
    assert.deepEqual(cx.nextDropout(0.1), { p: 0.1, seed: 9, stream: 0 });
    assert.deepEqual(cx.nextDropout(0.5), { p: 0.5, seed: 9, stream: 1 });
    assert.equal(new Context(device).dropoutSeed, null);
    return Promise.resolve();
  }));

Deno.test("Context: a scope keeps its result and frees the rest", () =>
  withDevice(async (device) => {
    const cx = new Context(device);
    const x = cx.from(Float32Array.of(1, 2));
    const { used } = device.memory;
    const size = 256; // the smallest block
    const y = cx.scope(() => scale(cx, scale(cx, x, 2), 3));
    assert.equal(device.memory.used, used + size);
    const pair = cx.scope(() => cx.scope(() => [scale(cx, y, 2), scale(cx, y, 0), x]));
    assert.equal(device.memory.used, used + 3 * size);
    assert.deepEqual([...await pair[0].read(), ...await x.read()], [12, 24, 1, 2]);
    cx.release();
    assert.equal(device.memory.used, 0);
  }));

Deno.test("Context: an exception inside nested scopes leaves nothing behind", () =>
  withDevice((device) => {
    const cx = new Context(device);
    const x = cx.empty([4]);
    const fail = () => {
      cx.empty([5]);
      cx.scope(() => {
        cx.empty([6]);
        throw new Error("inside");
      });
      return x;
    };
    assert.throws(() => cx.scope(fail), /inside/);
    cx.scope(() => cx.empty([7])); // still usable
    cx.release();
    assert.equal(device.memory.used, 0);
    return Promise.resolve();
  }));

Deno.test("Context: a layer frees its input, unless a tape needs it", () =>
  withDevice(async (device) => {
    for (const grad of [false, true]) {
      const cx = new Context(device, { grad });
      let h = wanted(cx.from(Float32Array.of(1)));
      const { used } = device.memory;
      for (let i = 0; i < 5; i++) h = cx.layer(h, (h) => scale(cx, scale(cx, h, 2), 1));
      // With a tape the layers' outputs stay, what is between not: `scale` reads neither.
      assert.equal(device.memory.used, grad ? used + 5 * 256 : used);
      assert.deepEqual([...await h.read()], [32]);
      cx.release();
      assert.equal(device.memory.used, 0);
    }
  }));

Deno.test("Context: a layer keeps what a backward function reads, and what came before it", () =>
  withDevice(async (device) => {
    const cx = new Context(device, { grad: true });
    const x = wanted(cx.from(Float32Array.of(3)));
    const { used } = device.memory;
    const before = cx.from(Float32Array.of(5));
    const h = cx.layer(x, (x) => {
      const unread = scale(cx, x, 2);
      const read = scale(cx, unread, 2);
      return activation(cx, read, "relu"); // its backward function reads `read`
    });
    assert.equal(device.memory.used, used + 3 * 256, "before, read, h");
    cx.empty([1]).write(Float32Array.of(NaN)); // where `unread` was
    assert.deepEqual([...await before.read(), ...await h.read()], [5, 12]);
    cx.backward([{ output: h, gradient: cx.from(Float32Array.of(1)) }]);
    assert.deepEqual([...await x.grad!.read()], [4]);
    cx.release();
    assert.equal(device.memory.used, 0);
  }));

/** 10 x, which a layer need not keep; `launches` counts how often it is computed. */
function timesTen(cx: Context, x: Tensor, launches: { count: number }): Tensor {
  const y = cx.empty(x.shape);
  const compute = () => {
    launches.count++;
    kernels.scale(cx.device, y, x, x.length, 10);
  };
  compute();
  const backward = (dy: Tensor) => {
    const { into, accumulate } = cx.gradient(x)!;
    kernels.scale(cx.device, into, dy, dy.length, 10, accumulate);
  };
  cx.record(y, [x], [x], backward, compute);
  return y;
}

Deno.test("Context: what can be computed again is freed by a layer, and there when it is read", () =>
  withDevice(async (device) => {
    for (const activationMemory of [undefined, 0]) {
      const launches = { count: 0 };
      const cx = new Context(device, { grad: true, activationMemory });
      const x = wanted(cx.from(Float32Array.of(-1, 3)));
      const { used } = device.memory;
      let h = x;
      for (let i = 0; i < 2; i++) {
        h = cx.layer(h, (h) => {
          const y = timesTen(cx, h, launches);
          const z = timesTen(cx, y, launches); // y is computed again for it
          return add(cx, activation(cx, z, "relu"), activation(cx, y, "relu"));
        });
      }
      assert.equal(device.memory.used, used + 2 * 256, "the outputs of both layers");
      assert.deepEqual([...await h.read(), launches.count], [0, 3 * 110 * 110, 4]);
      cx.backward([{ output: h, gradient: cx.from(Float32Array.of(1, 1)) }]);
      assert.deepEqual([...await x.grad!.read()], [0, 110 * 110]);
      // With a limit of memory the layers are run again as well.
      assert.equal(launches.count, activationMemory === undefined ? 8 : 12);
      cx.release();
      assert.equal(device.memory.used, 0);
    }
  }));

Deno.test("Context: a layer keeps what could be computed again where a view of it is read", () =>
  withDevice(async (device) => {
    const launches = { count: 0 };
    const cx = new Context(device, { grad: true });
    const x = wanted(cx.from(Float32Array.of(1, 2), [2, 1]));
    const h = cx.layer(x, (x) => {
      const y = timesTen(cx, x, launches);
      const z = cx.empty([1, 1]);
      const view = y.slice(1, 1);
      kernels.scale(device, z, view, 1, 1);
      cx.record(z, [y], [y, view], (dy) => {
        const { into } = cx.gradient(y)!;
        cx.zero(into);
        kernels.scale(device, into.slice(1, 1), view, 1, 1);
        kernels.add(device, into.slice(0, 1), null, dy, 1);
      });
      return z;
    });
    cx.empty([2]).write(Float32Array.of(NaN, NaN)); // where y would have been
    cx.backward([{ output: h, gradient: cx.from(Float32Array.of(7)) }]);
    assert.deepEqual([...await x.grad!.read(), launches.count], [70, 200, 1]);
    cx.release();
  }));

Deno.test("Context: a layer's other results outlive it, and gradients flow back through each", () =>
  withDevice(async (device) => {
    for (const activationMemory of [undefined, 0]) {
      const cx = new Context(device, { grad: true, activationMemory });
      const x = wanted(cx.from(Float32Array.of(1, -2)));
      const kept: Tensor[] = [];
      let h = x;
      // As a prompt's layers: each hands on h, and something that later layers read.
      for (let i = 0; i < 2; i++) {
        const results = cx.layer(h, (h) => {
          const k = scale(cx, activation(cx, scale(cx, h, 2), "relu"), 3);
          return [add(cx, h, k), k];
        });
        h = results[0];
        kept.push(results[1]);
      }
      let y = scale(cx, h, 1);
      for (const k of kept) y = cx.layer(y, (y) => add(cx, y, scale(cx, k, 10)));
      assert.deepEqual([...await y.read()], [49 + 10 * (6 + 42), -2]);
      cx.backward([{ output: y, gradient: cx.from(Float32Array.of(1, 1)) }]);
      assert.deepEqual([...await x.grad!.read()], [529, 1]);
      cx.release();
      assert.equal(device.memory.used, 0);
    }
  }));

Deno.test("Context: gradients may reach some results of a layer alone", () =>
  withDevice(async (device) => {
    for (const activationMemory of [undefined, 0]) {
      for (const used of [0, 1]) {
        const cx = new Context(device, { grad: true, activationMemory });
        const x = wanted(cx.from(Float32Array.of(3)));
        const results = cx.layer(x, (x) => [scale(cx, x, 2), scale(cx, x, 5)]);
        const gradient = cx.from(Float32Array.of(1));
        cx.backward([{ output: scale(cx, results[used], 1), gradient }]);
        assert.deepEqual([...await x.grad!.read()], [[2, 5][used]]);
        cx.release();
        assert.equal(device.memory.used, 0);
      }
    }
  }));

Deno.test("Context: without a tape a layer frees everything but its results", () =>
  withDevice(async (device) => {
    const cx = new Context(device);
    const { used } = device.memory;
    const x = cx.from(Float32Array.of(1));
    const [y, z] = cx.layer(x, (x) => [scale(cx, scale(cx, x, 2), 2), scale(cx, x, 7)]);
    assert.equal(device.memory.used, used + 2 * 256);
    assert.deepEqual([...await y.read(), ...await z.read()], [4, 7]);
    cx.release();
    assert.equal(device.memory.used, 0);
  }));

Deno.test("Context: gradients of all consumers add up", () =>
  withDevice(async (device) => {
    const cx = new Context(device, { grad: true });
    const x = wanted(cx.from(Float32Array.of(1, 2)));
    const y = scale(cx, x, 3);
    const z = add(cx, add(cx, y, scale(cx, y, 10)), x); // 34 x
    cx.backward([{ output: z, gradient: cx.from(Float32Array.of(1, -1)) }]);
    assert.deepEqual([...await x.grad!.read()], [34, -34]);
    assert.equal(y.grad, null);
    cx.release();
  }));

Deno.test("Context: a parameter's gradient is added to, pass after pass", () =>
  withDevice(async (device) => {
    const p = parameter(device, [1, 2], [100, 200]);
    for (let pass = 1; pass <= 2; pass++) {
      const cx = new Context(device, { grad: true });
      const y = add(cx, scale(cx, p, 2), p);
      cx.backward([{ output: y, gradient: cx.from(Float32Array.of(1, 1)) }]);
      cx.release();
      assert.deepEqual([...await p.grad!.read()], [100 + 3 * pass, 200 + 3 * pass]);
    }
  }));

Deno.test("Context: several outputs, one made from the other, and one that no gradient reaches", () =>
  withDevice(async (device) => {
    const cx = new Context(device, { grad: true });
    const x = wanted(cx.from(Float32Array.of(1)));
    const y = scale(cx, x, 2);
    const early = cx.from(Float32Array.of(1000)); // made before z: z's node must not free it
    const z = scale(cx, y, 5);
    scale(cx, y, NaN); // nobody's input
    const late = cx.from(Float32Array.of(1));
    cx.backward([{ output: y, gradient: early }, { output: z, gradient: late }]);
    assert.deepEqual([...await x.grad!.read()], [2 * 1000 + 2 * 5]);
    cx.release();
    assert.equal(device.memory.used, 0);
  }));

Deno.test("Context: frozen inputs get no gradient, and nothing of theirs is recorded", () =>
  withDevice(async (device) => {
    const cx = new Context(device, { grad: true });
    const frozen = cx.from(Float32Array.of(1));
    const x = parameter(device, [2], [0]);
    const z = scale(cx, frozen, 4);
    assert.equal(z.requiresGrad, false);
    assert.equal(cx.gradient(z), null);
    const y = add(cx, z, x);
    assert.equal(y.requiresGrad, true);
    cx.backward([{ output: y, gradient: cx.from(Float32Array.of(7)) }]);
    assert.deepEqual([frozen.grad, z.grad, ...await x.grad!.read()], [null, null, 7]);
    cx.release();
    const inference = new Context(device);
    assert.equal(scale(inference, x, 4).requiresGrad, false);
    inference.release();
  }));

Deno.test("Context: backward frees each activation as it passes, release the rest", () =>
  withDevice((device) => {
    const p = parameter(device, [1], [0]);
    const { used } = device.memory;
    const cx = new Context(device, { grad: true });
    let y = p;
    for (let i = 0; i < 100; i++) y = scale(cx, y, 1.01);
    const gradient = cx.from(Float32Array.of(1));
    const forward = device.memory.used;
    assert.equal(forward, used + 101 * 256);
    cx.backward([{ output: y, gradient }]);
    assert.equal(device.memory.used, used + 256, "the given gradient stays");
    assert.ok(device.memory.peak <= forward + 2 * 256, "gradients take no more than two at once");
    cx.release();
    assert.equal(device.memory.used, used);
    return Promise.resolve();
  }));

Deno.test("Context: an exception in the backward pass leaves nothing behind", () =>
  withDevice((device) => {
    const cx = new Context(device, { grad: true });
    const x = wanted(cx.empty([1]));
    const y = scale(cx, x, 2);
    const z = cx.empty([1]);
    cx.record(z, [y], [], () => {
      cx.gradient(y);
      cx.empty([3]);
      throw new Error("inside");
    });
    const output = scale(cx, z, 2);
    assert.throws(() => cx.backward([{ output, gradient: cx.empty([1]) }]), /inside/);
    cx.release();
    assert.equal(device.memory.used, 0);
    return Promise.resolve();
  }));
