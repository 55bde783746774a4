import type { Device } from "../lib/device/device.ts";
import { Context } from "../lib/tensor/context.ts";
import type { Tensor } from "../lib/tensor/tensor.ts";
import { Random } from "../lib/random.ts";
import { assertClose, randomValues } from "./reference/check.ts";

/** A differentiable op with what it should give. */
export interface OpCase {
  /** The inputs that want gradients. */
  inputs: { name: string; values: Float64Array; shape: number[] }[];
  op: (cx: Context, ...inputs: Tensor[]) => Tensor;
  output: Float64Array;
  /** Gradient of the output that the backward pass starts from. */
  dOutput: Float64Array;
  /** Gradients of the inputs, in their order. */
  gradients: Float64Array[];
  /** Relative error, in norm, of the output and of each gradient. */
  tolerance: number;
  /** Of the pass's dropout masks; off where it is missing. */
  dropoutSeed?: number;
}

/**
 * Checks an op's output and gradients on tensors, three times: as inference, with inputs inside
 * the tape (their gradients are overwritten) and with parameters (their gradients are added to).
 */
export async function checkOp(device: Device, expected: OpCase): Promise<void> {
  const { inputs, op, output, dOutput, gradients, tolerance, dropoutSeed } = expected;
  const start = (cx: Context): Tensor[] => {
    // What an op forgets to write is to be seen.
    const garbage = cx.from(new Float32Array(1 << 16).fill(NaN));
    cx.free(garbage);
    return inputs.map(({ values, shape }) => cx.from(Float32Array.from(values), shape));
  };
  const run = async (cx: Context, tensors: Tensor[], mode: string) => {
    const out = op(cx, ...tensors);
    assertClose(await out.read(), output, tolerance, `output, ${mode}`);
    if (cx.grad) {
      const gradient = cx.from(Float32Array.from(dOutput), out.shape);
      cx.backward([{ output: out, gradient }]);
    }
  };

  const inference = new Context(device, { dropoutSeed });
  await run(inference, start(inference), "inference");
  inference.release();

  const inside = new Context(device, { grad: true, dropoutSeed });
  const reads: Promise<Float32Array>[] = [];
  const tensors = start(inside);
  tensors.forEach((tensor, i) => {
    const source = inside.empty([1]);
    source.requiresGrad = true;
    inside.record(tensor, [source], [], (dy) => reads[i] = dy.read());
  });
  await run(inside, tensors, "inside the tape");
  for (const [i, { name }] of inputs.entries()) {
    assertClose(await reads[i], gradients[i], tolerance, `gradient of ${name}`);
  }
  inside.release();

  const outer = new Context(device, { grad: true, dropoutSeed });
  const random = new Random(99);
  const parameters = start(outer);
  const sums = gradients.map((gradient, i) => {
    const before = randomValues(random, gradient.length);
    parameters[i].requiresGrad = true;
    // Its own context: the pass frees what it made.
    parameters[i].grad = new Context(device).from(Float32Array.from(before), inputs[i].shape);
    return gradient.map((value, j) => value + before[j]);
  });
  await run(outer, parameters, "with parameters");
  for (const [i, { name }] of inputs.entries()) {
    assertClose(await parameters[i].grad!.read(), sums[i], tolerance, `added gradient of ${name}`);
  }
  outer.release();
}
