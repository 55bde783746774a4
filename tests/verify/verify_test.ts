import assert from "node:assert/strict";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import {
  SafetensorsFile,
  type TensorData,
  writeSafetensors,
} from "../../lib/formats/safetensors.ts";
import type { LanguageModel } from "../../lib/models/language_model.ts";
import { atTemperature } from "../../lib/tensor/ops/elementwise.ts";
import { PROMISES } from "../../lib/verify/checks.ts";
import { loadSubject, randomPolicy, type Subject } from "../../lib/verify/subject.ts";
import { verify } from "../../lib/verify/verify.ts";
import { demoModelDir } from "../demo_model.ts";
import { deviceTest, withDevice } from "../device.ts";
import { withTempDir } from "../temp_dir.ts";

const golden = (family: string) =>
  fileURLToPath(new URL(`../golden_causal/cases/${family}/checkpoint`, import.meta.url));
const [llama, gpt2] = [golden("llama"), golden("gpt2")];

for (const [name, folder] of [["T5", demoModelDir], ["Llama", llama]]) {
  deviceTest(`every promise holds for ${name}`, async (device) => {
    const subject = await loadSubject(device, folder, "f32");
    for (const { run } of PROMISES) await run(subject);
  });
}

/** Writes GPT-2's golden checkpoint with its first `count` positions alone. */
async function withFewPositions(folder: string, count: number): Promise<void> {
  for (const { name } of Deno.readDirSync(gpt2)) {
    await Deno.copyFile(join(gpt2, name), join(folder, name));
  }
  const config = join(folder, "config.json");
  const json = JSON.parse(await Deno.readTextFile(config));
  await Deno.writeTextFile(config, JSON.stringify({ ...json, n_positions: count }));
  using file = SafetensorsFile.open(join(gpt2, "model.safetensors"));
  const tensors = [...file.tensors.keys()].map((name) => {
    const data = file.readFloats(name);
    const { shape } = file.tensors.get(name)!;
    const rows = name.endsWith("wpe.weight") ? count : shape[0];
    const size = rows * data.length / shape[0];
    const tensor: TensorData = {
      dtype: "F32",
      shape: [rows, ...shape.slice(1)],
      data: data.slice(0, size),
    };
    return [name, tensor] as const;
  });
  await writeSafetensors(join(folder, "model.safetensors"), new Map(tensors));
}

for (const count of [3, 24]) {
  Deno.test(`every promise holds for a model with ${count} positions`, () =>
    withTempDir((folder) =>
      withDevice(async (device) => {
        await withFewPositions(folder, count);
        const subject = await loadSubject(device, folder, "f32");
        for (const { run } of PROMISES) await run(subject);
      })
    ));
}

/** A subject whose model computes something a little differently. */
function altered(subject: Subject, changes: Partial<LanguageModel>): Subject {
  const { model } = subject.policy;
  const other = new Proxy(model, {
    get(target, name) {
      if (Object.hasOwn(changes, name)) return changes[name as keyof LanguageModel];
      const value = Reflect.get(target, name);
      return typeof value === "function" ? value.bind(target) : value;
    },
  });
  return { ...subject, policy: randomPolicy({ model: other }) };
}

const promise = (name: string) => PROMISES.find((check) => check.name === name)!;

Deno.test("a pass that rounds otherwise than decoding is found out", () =>
  withDevice(async (device) => {
    const subject = await loadSubject(device, demoModelDir, "f32");
    const { model } = subject.policy;
    const wrong = altered(subject, {
      logprobs: (cx, hidden, targets) =>
        model.logprobs(cx, atTemperature(cx, hidden, 1 + 1e-6), targets),
    });
    await assert.rejects(
      promise("decoding = training pass").run(wrong),
      /logprobs of response 0 differ at token \d+/,
    );
    await assert.rejects(promise("ratio before the first update").run(wrong), /not 1/);
  }));

Deno.test("a response that depends on its batch is found out", () =>
  withDevice(async (device) => {
    const subject = await loadSubject(device, demoModelDir, "f32");
    const { model } = subject.policy;
    let rows = 0;
    const wrong = altered(subject, {
      startDecoding: (cx, memory, capacities, adapter) => {
        rows = capacities.length;
        return model.startDecoding(cx, memory, capacities, adapter);
      },
      logits: (cx, hidden) => model.logits(cx, atTemperature(cx, hidden, rows > 1 ? 9 : 1)),
    });
    await assert.rejects(
      promise("independence from the batch").run(wrong),
      /is another one when generated alone|differ at token/,
    );
  }));

Deno.test("results come as they are there, and say which device", async () => {
  const seen: string[] = [];
  const results = await verify(demoModelDir, ["wasm"], "f32", ({ name }) => seen.push(name));
  assert.deepEqual(seen, PROMISES.map(({ name }) => name));
  assert.ok(results.every(({ device, passed, detail }) => device === "wasm" && passed && detail));
});
