import assert from "node:assert/strict";
import type { Device } from "../../lib/device/device.ts";
import { checkWeightMemory, memorySize, modelWeights } from "../../lib/models/outline.ts";
import { withDevice } from "../device.ts";
import { tinyDecoderConfig } from "./decoder/tiny_decoder.ts";
import { DecoderForCausalLM } from "../../lib/models/decoder/decoder.ts";
import { tensorNames } from "../../lib/models/decoder/checkpoint.ts";

const MIB = 2 ** 20;
/** 600 MiB in bf16, but for a norm. */
const WEIGHTS = [
  { name: "dense.weight", shape: [300 * 1024, 1024] },
  { name: "norm.weight", shape: [1024] },
];

/** The memory of a device with so many bytes, of which some are used. */
function memory(limit: number | null, used = 0): Device {
  return { memoryLimit: limit, memory: { used, peak: used } } as Device;
}

Deno.test("checkWeightMemory: a model that cannot fit is refused before it is read, with what is missing", () => {
  checkWeightMemory(memory(null), WEIGHTS, "f32");
  checkWeightMemory(memory(601 * MIB), WEIGHTS, "bf16");
  checkWeightMemory(memory(1201 * MIB), WEIGHTS, "f32");
  checkWeightMemory(memory(2401 * MIB), WEIGHTS, "trained");
  const refused = [
    [
      memory(601 * MIB, 10 * MIB),
      "bf16",
      "601 MiB for bf16 weights, the device has 591 MiB: 10 MiB",
    ],
    [memory(1024 * MIB), "f32", "1.17 GiB for f32 weights, the device has 1.00 GiB: 177 MiB"],
    [
      memory(1024 * MIB),
      "trained",
      "2.34 GiB for the weights and their gradients, the device has 1.00 GiB: 1.34 GiB",
    ],
  ] as const;
  for (const [device, storage, takes] of refused) {
    assert.throws(() => checkWeightMemory(device, WEIGHTS, storage), {
      name: "OutOfMemoryError",
      message: `the model takes ${takes} are missing`,
    });
  }
});

Deno.test("memorySize: MiB up to a thousand, then GiB", () => {
  assert.equal(memorySize(1), "1 MiB");
  assert.equal(memorySize(999 * MIB), "999 MiB");
  assert.equal(memorySize(1536 * MIB), "1.50 GiB");
});

Deno.test("modelWeights: each tensor once, in the checkpoint's shape, and no memory left", () =>
  withDevice((device) => {
    for (const family of ["gpt2", "mistral"]) {
      const config = tinyDecoderConfig(family);
      const specs = modelWeights(device, (device, store) => {
        new DecoderForCausalLM(device, config, store);
      });
      assert.deepEqual(specs.map(({ name }) => name), tensorNames(config));
      if (family === "mistral") continue;
      const fused = specs.find(({ name }) => name.endsWith("c_attn.weight"));
      assert.deepEqual(fused?.shape, [12, 36]);
    }
    assert.equal(device.memory.used, 0);
    return Promise.resolve();
  }));
