import assert from "node:assert/strict";
import { join } from "node:path";
import type { Device } from "../../lib/device/device.ts";
import { readPeftAdapter, writePeftAdapter, writeValueHead } from "../../lib/formats/peft.ts";
import {
  createPolicy,
  loadAdapter,
  loadPolicy,
  type Policy,
  readAdapterValues,
  savePolicy,
} from "../../lib/models/policy.ts";
import { withDevice } from "../device.ts";
import { randomValues } from "../numeric.ts";
import { withTempDir } from "../temp_dir.ts";
import { tinyConfig, tinyT5 } from "./t5/tiny_t5.ts";

const CONFIG = tinyConfig("v1.0");
const LORA = { r: 2, loraAlpha: 6, loraDropout: 0.25, targetModules: ["q", "wi"] };

/** A policy on a tiny T5 whose every parameter is random. */
function trainedPolicy(device: Device): Policy {
  const policy = createPolicy(tinyT5(device, CONFIG), LORA, 1);
  policy.parameters.names.forEach((name, i) => {
    policy.parameters.write(name, randomValues(policy.parameters.get(name).length, i + 1));
  });
  return policy;
}

/** Runs the body with a trained policy saved to a folder. */
function withSaved(body: (policy: Policy, folder: string) => Promise<void>): Promise<void> {
  return withDevice((device) =>
    withTempDir(async (folder) => {
      const policy = trainedPolicy(device);
      await savePolicy(policy, folder, "tiny");
      await body(policy, folder);
    })
  );
}

Deno.test("createPolicy: adapter and value head by the seed; the adapter changes nothing yet", () =>
  withDevice(async (device) => {
    const model = tinyT5(device, CONFIG);
    const values = async (
      seed: number,
    ) => [...await createPolicy(model, LORA, seed).parameters.readAll()];
    const first = await values(1);
    assert.deepEqual(await values(1), first);
    assert.notDeepEqual(await values(2), first);
    assert.deepEqual(first.slice(-2).map(([name]) => name), [
      "v_head.summary.weight",
      "v_head.summary.bias",
    ]);
    for (const [name, { data }] of first) {
      assert.equal(data.every((value) => value === 0), name.includes("lora_B"), name);
    }
    const unknown = { ...LORA, targetModules: ["q", "query"] };
    assert.throws(() => createPolicy(model, unknown, 1), /no linear layer is called "query"/);
  }));

Deno.test("savePolicy, loadPolicy: the same policy, bit for bit", () =>
  withSaved(async (policy, folder) => {
    const loaded = await loadPolicy(policy.model, folder, 99);
    assert.deepEqual(await loaded.parameters.readAll(), await policy.parameters.readAll());
    assert.deepEqual(loaded.adapter.config, {
      ...LORA,
      taskType: "SEQ_2_SEQ_LM",
      baseModel: "tiny",
    });
    assert.ok(loaded.parameters.gradients);
  }));

Deno.test("loadAdapter: the adapter alone, frozen", () =>
  withSaved(async (policy, folder) => {
    const { parameters } = await loadAdapter(policy.model, folder);
    assert.equal(parameters.gradients, null);
    const expected = await policy.parameters.readAll();
    expected.delete("v_head.summary.weight");
    expected.delete("v_head.summary.bias");
    assert.deepEqual(await parameters.readAll(), expected);
  }));

Deno.test("readAdapterValues: the adapter's parameters, by their names", () =>
  withSaved(async ({ parameters }, folder) => {
    const saved = await parameters.readAll();
    const names = [];
    for await (const [name, values] of readAdapterValues(folder)) {
      assert.deepEqual(values, saved.get(name)!.data);
      names.push(name);
    }
    assert.deepEqual(
      names.sort(),
      [...saved.keys()].filter((name) => name.includes("lora_")).sort(),
    );
  }));

Deno.test("loadPolicy: an adapter without a value head gets a new one by the seed", () =>
  withSaved(async ({ model, parameters }, folder) => {
    await Deno.remove(join(folder, "value_head.safetensors"));
    const loaded = await (await loadPolicy(model, folder, 5)).parameters.readAll();
    const created = await createPolicy(model, LORA, 5).parameters.readAll();
    const saved = await parameters.readAll();
    for (const name of loaded.keys()) {
      assert.deepEqual(loaded.get(name), (name.startsWith("v_head") ? created : saved).get(name));
    }
  }));

Deno.test("loadPolicy: PEFT 0.3's adapter of target o, which has wo's layers too", () =>
  withDevice((device) =>
    withTempDir(async (folder) => {
      const model = tinyT5(device, CONFIG);
      const lora = { ...LORA, targetModules: ["o", "wo"] };
      await savePolicy(createPolicy(model, lora, 1), folder, "tiny");
      const adapter = await readPeftAdapter(folder);
      adapter.config.targetModules = ["o"];
      await writePeftAdapter(folder, adapter);
      const { parameters } = await loadPolicy(model, folder, 1);
      const name = "encoder.block.0.layer.1.DenseReluDense.wo.lora_A.weight";
      assert.deepEqual((await parameters.readAll()).get(name), adapter.tensors.get(name));
    })
  ));

Deno.test("loadPolicy: target modules by a pattern; one that the model has and the file lacks", () =>
  withDevice((device) =>
    withTempDir(async (folder) => {
      const model = tinyT5(device, CONFIG);
      const lora = { ...LORA, targetModules: "decoder\\..*\\.(q|k)" };
      await savePolicy(createPolicy(model, lora, 1), folder, "tiny");
      const loaded = await loadPolicy(model, folder, 1);
      assert.equal(loaded.adapter.config.targetModules, lora.targetModules);
      const adapter = await readPeftAdapter(folder);
      assert.ok([...adapter.tensors.keys()].every((name) => /^decoder.*\.[qk]\.lora/.test(name)));
      adapter.config.targetModules = ".*\\.[qk]";
      await writePeftAdapter(folder, adapter);
      await assert.rejects(
        loadPolicy(model, folder, 1),
        /it lacks encoder\.block\.0\..*\.q\.lora_A/,
      );
    })
  ));

const OTHERS: [string, object, RegExp][] = [
  [
    "another width",
    { dModel: 12 },
    /q\.lora_A\.weight is \[2, 10\], this model wants \[2, 12\]/,
  ],
  [
    "other heads",
    { dKv: 4 },
    /q\.lora_B\.weight is \[9, 2\], this model wants \[12, 2\]/,
  ],
  [
    "fewer layers",
    { numLayers: 2 },
    /it has encoder\.block\.2\..*, which this model has no layer for/,
  ],
  ["more layers", { numDecoderLayers: 3 }, /it lacks decoder\.block\.2\..*q\.lora_A\.weight/],
];
for (const [what, changes, message] of OTHERS) {
  Deno.test(`an adapter for a model of ${what} is refused by its first mismatch`, () =>
    withSaved(async ({ model: { device } }, folder) => {
      const other = tinyT5(device, { ...CONFIG, ...changes });
      const { used } = device.memory;
      for (const load of [() => loadPolicy(other, folder, 1), () => loadAdapter(other, folder)]) {
        await assert.rejects(load, (error: Error) => {
          assert.equal(error.name, "UserError");
          assert.ok(error.message.startsWith(`the adapter in ${folder} is for another model: `));
          assert.match(error.message, message);
          return true;
        });
      }
      assert.equal(device.memory.used, used);
    }));
}

Deno.test("a value head of another size is refused with both sizes", () =>
  withSaved(async ({ model }, folder) => {
    await writeValueHead(folder, { weight: new Float32Array(7), bias: 0 });
    await assert.rejects(loadPolicy(model, folder, 1), {
      name: "UserError",
      message: /the value head in .* is for a hidden size of 7, this model has 10/,
    });
  }));
