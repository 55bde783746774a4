import assert from "node:assert/strict";
import type { Device } from "../../lib/device/device.ts";
import { generate } from "../../lib/generation/generate.ts";
import { createPolicy, type Policy } from "../../lib/models/policy.ts";
import { loadLanguageModel } from "../../lib/models/registry.ts";
import { Context } from "../../lib/tensor/context.ts";
import { Packed } from "../../lib/tensor/packed.ts";
import { deviceTest, gpuTest, withDevice } from "../device.ts";
import { demoModelDir } from "../demo_model.ts";
import { randomValues } from "../numeric.ts";

/** Prompts of lengths that differ, from the demo's vocabulary. */
const QUERIES = [60, 33, 81, 12, 47].map((length, i) =>
  Array.from(randomValues(length, i + 1), (x) => 3 + Math.floor((x + 1) * 150)).concat(1)
);

/** A policy whose adapter does something, with another rank in some layers. */
async function policyOn(device: Device): Promise<Policy> {
  const model = await loadLanguageModel(device, demoModelDir);
  const lora = { r: 4, loraAlpha: 8, loraDropout: 0, rankPattern: { "decoder.*q": 9 } };
  const policy = createPolicy(model, lora, 1);
  for (const name of policy.parameters.names.filter((name) => name.includes("lora_B"))) {
    const { length } = policy.parameters.get(name);
    policy.parameters.write(name, randomValues(length, name.length).map((x) => x / 10));
  }
  return policy;
}

const sampling = { maxNewTokens: 24, doSample: true, minLength: 5, seed: 7 };

deviceTest("generate: a sample does not depend on the batch it is drawn in", async (device) => {
  const { model, adapter, valueHead } = await policyOn(device);
  const options = { adapter, valueHead, logprobs: true };
  const together = await generate(model, QUERIES, { ...sampling, firstRollout: 100 }, options);
  for (const row of [0, 2, 4]) {
    const config = { ...sampling, firstRollout: 100 + row };
    const [alone] = await generate(model, [QUERIES[row]], config, options);
    assert.deepEqual(alone, together[row]);
  }
});

deviceTest("generate: responses to equal prompts are those of separate rows", async (device) => {
  const { model, adapter, valueHead } = await policyOn(device);
  const options = { adapter, valueHead, logprobs: true };
  const hot = { ...sampling, temperature: 3 };
  const config = { ...hot, numReturnSequences: 3, firstRollout: 20 };
  const group = await generate(model, QUERIES.slice(0, 2), config, options);
  const alone = [];
  for (const row of [0, 1, 2, 3, 4, 5]) {
    const config = { ...hot, firstRollout: 20 + row };
    alone.push(...await generate(model, [QUERIES[Math.floor(row / 3)]], config, options));
  }
  assert.deepEqual(group, alone);
  assert.equal(new Set(group.map(({ tokens }) => tokens.join())).size, 6);
});

deviceTest(
  "generate: tokens are told as they come, and a response ends when told to",
  async (device) => {
    const { model, adapter } = await policyOn(device);
    const whole = await generate(model, QUERIES, sampling, { adapter });
    const told = QUERIES.map((): number[] => []);
    const cut = await generate(model, QUERIES, sampling, {
      adapter,
      onTokens(row, tokens) {
        told[row].push(...tokens);
        return row === 1 && told[row].length >= 3;
      },
    });
    assert.deepEqual(told, cut.map(({ tokens }) => tokens));
    assert.ok(cut[1].tokens.length < whole[1].tokens.length);
    const expected = whole.map(({ tokens }, row) => tokens.slice(0, cut[row].tokens.length));
    assert.deepEqual(told, expected);
    for (const row of [0, 2, 3, 4]) assert.deepEqual(cut[row], whole[row]);
  },
);

deviceTest(
  "generate: steps that are launched before the last are read give the same responses",
  async (device) => {
    const { model, adapter, valueHead } = await policyOn(device);
    const events: string[] = [];
    let told: number[][] = [];
    const draw = async (readsLate: boolean) => {
      // The model's own device: what it launches and reads is told.
      Object.defineProperties(device, {
        readsLate: { value: readsLate, configurable: true },
        stepsPerRead: { value: 4, configurable: true },
      });
      told = QUERIES.map(() => []);
      events.length = 0;
      return await generate(model, QUERIES, {
        ...{ doSample: true, seed: 7, temperature: 1.5, minLength: 2, repetitionPenalty: 1.2 },
        maxNewTokens: [40, 38, 25, 40, 23],
      }, {
        ...{ adapter, valueHead, logprobs: true },
        onTokens(row, tokens) {
          told[row].push(...tokens);
          return row === 3 && told[row].length >= 12;
        },
      });
    };
    const expected = await draw(false);
    const expectedTold = told;
    const { startDecoding } = model;
    model.startDecoding = (...args) => {
      const decoding = startDecoding.apply(model, args);
      return {
        window(...args) {
          const window = decoding.window(...args);
          events.push(`window of ${args[3]}`);
          const { step } = window;
          // No memory of steps: each is launched by the model.
          return Object.assign(Object.create(window), {
            stepped: null,
            step(...args: Parameters<typeof step>) {
              events.push(`step ${args[1]}`);
              return step.apply(window, args);
            },
          });
        },
      };
    };
    const read = device.read;
    device.read = async (...args) => {
      const bytes = await read.apply(device, args);
      if (events.at(-1) !== "read") events.push("read");
      return bytes;
    };
    assert.deepEqual(await draw(true), expected);
    assert.deepEqual(told, expectedTold);
    assert.equal(events[0], "window of 16");
    // The steps from 4 on are launched while those before are being read.
    const at = events.indexOf("step 4");
    assert.ok(at < events.indexOf("read"), events.slice(0, 20).join());
    assert.ok(events.indexOf("step 8") > events.indexOf("read"));
    assert.ok(expected.some(({ tokens }) => tokens.length === 12));
    device.read = read;
  },
);

deviceTest("generate: each distinct prompt is read once, whatever their order", async (device) => {
  const { model, adapter, valueHead } = await policyOn(device);
  const { prefill } = model;
  const read: (readonly number[])[] = [];
  model.prefill = (cx, prompts, ...rest) => {
    read.push(...prompts);
    return prefill.call(model, cx, prompts, ...rest);
  };
  const [a, b, c] = QUERIES;
  const config = { ...sampling, maxNewTokens: 8 };
  const options = { adapter, valueHead, logprobs: true };
  const mixed = await generate(model, [a, b, a, c, b, b], config, options);
  assert.deepEqual(read, [a, b, c]);
  // Prompts that were read beforehand are not read again for other rows.
  const cx = new Context(device);
  const prefilled = [
    { rows: [5, 2], memory: prefill.call(model, cx, [b, a], adapter, "decoding") },
    { rows: [0], memory: prefill.call(model, cx, [a], adapter, "decoding") },
  ];
  read.length = 0;
  const again = await generate(model, [a, b, a, c, b, b], config, { ...options, prefilled });
  cx.release();
  assert.deepEqual(read, [c]);
  assert.deepEqual(again, mixed);
});

deviceTest("generate: same seed same tokens, another seed others", async (device) => {
  const { model } = await policyOn(device);
  const tokens = async (seed: number) =>
    (await generate(model, QUERIES, { ...sampling, seed })).map((g) => g.tokens);
  assert.deepEqual(await tokens(7), await tokens(7));
  assert.notDeepEqual(await tokens(7), await tokens(8));
});

deviceTest(
  "generate: logprobs and values are those of a pass over the response, bit for bit",
  async (device) => {
    const { model, adapter, valueHead } = await policyOn(device);
    const generated = await generate(model, QUERIES, sampling, {
      adapter,
      valueHead,
      logprobs: true,
    });
    const cx = new Context(device);
    const inputs = Packed.create(
      cx,
      generated.map(({ tokens }, i) => [model.firstInput(QUERIES[i]), ...tokens.slice(0, -1)]),
    );
    const memory = model.prefill(cx, QUERIES, adapter, "pass");
    const hidden = model.forward(cx, inputs, memory, adapter);
    const targets = cx.from(Int32Array.from(generated.flatMap(({ tokens }) => tokens)));
    const { logprobs } = model.logprobs(cx, hidden, targets);
    assert.deepEqual(generated.flatMap((g) => g.logprobs), [...await logprobs.read()]);
    const values = await valueHead.forward(cx, hidden).read();
    assert.deepEqual(generated.flatMap((g) => g.values), [...values]);
    cx.release();
  },
);

deviceTest(
  "generate: limits by row, minimum length, nothing after the end token",
  async (device) => {
    const { model } = await policyOn(device);
    const limits = [1, 7, 24, 3, 12];
    const config = { ...sampling, maxNewTokens: limits, minLength: 6 };
    for (const [row, { tokens }] of (await generate(model, QUERIES, config)).entries()) {
      const end = tokens.indexOf(model.eosTokenIds[0]);
      if (end < 0) assert.equal(tokens.length, limits[row]);
      else {
        assert.equal(end, tokens.length - 1);
        assert.ok(1 + tokens.length >= 6, `${tokens.length} tokens and the start token`);
      }
    }
  },
);

deviceTest("generate: leaves no memory behind", async (device) => {
  const { model } = await policyOn(device);
  await generate(model, QUERIES, sampling);
  const { used } = device.memory;
  await generate(model, QUERIES, sampling);
  assert.equal(device.memory.used, used);
});

deviceTest(
  "generate: impossible settings and queries are refused with what was found",
  async (device) => {
    const { model } = await policyOn(device);
    const refuses = (pattern: RegExp, queries: number[][], config: object) =>
      assert.rejects(generate(model, queries, { maxNewTokens: 4, ...config }), pattern);
    await refuses(/`maxNewTokens` is 0/, [[5, 1]], { maxNewTokens: 0 });
    await refuses(/2 entries for 1 responses/, [[5, 1]], { maxNewTokens: [1, 2] });
    await refuses(/`temperature` is 0/, [[5, 1]], { temperature: 0 });
    await refuses(/`topP` is 1.5/, [[5, 1]], { topP: 1.5 });
    await refuses(/`topK` is -1/, [[5, 1]], { topK: -1 });
    await refuses(/prompt 1 has no tokens/, [[5, 1], []], {});
    await refuses(/token 704, the model's vocabulary has 704/, [[704, 1]], {});
  },
);

gpuTest("generate: the same seed gives the tokens that it gives on WASM", async (gpu) => {
  const tokensOn = async (device: Device) => {
    const { model, adapter } = await policyOn(device);
    return (await generate(model, QUERIES, sampling, { adapter })).map(({ tokens }) => tokens);
  };
  const tokens = await tokensOn(gpu);
  await withDevice(async (wasm) => assert.deepEqual(tokens, await tokensOn(wasm)), "wasm");
});

gpuTest("generate: a token uploads and reads back less than 1 KB, also alone", async (device) => {
  const { model, adapter, valueHead } = await policyOn(device);
  const bytes = async (maxNewTokens: number) => {
    const before = { ...device.counters };
    const config = { ...sampling, maxNewTokens, minLength: 100 };
    await generate(model, [QUERIES[0]], config, { adapter, valueHead, logprobs: true });
    const { bytesUploaded, parameterBytes, bytesRead } = device.counters;
    return bytesUploaded + parameterBytes + bytesRead -
      before.bytesUploaded - before.parameterBytes - before.bytesRead;
  };
  const [short, long] = [await bytes(16), await bytes(48)];
  assert.ok((long - short) / 32 < 1024, `${(long - short) / 32} bytes a token`);
});

gpuTest("generate: a step is 11 dispatches a decoder layer, and 4", async (device) => {
  const { model, adapter, valueHead } = await policyOn(device);
  const dispatches = async (maxNewTokens: number) => {
    const before = device.counters.dispatches;
    const config = { ...sampling, maxNewTokens, minLength: 100 };
    await generate(model, QUERIES, config, { adapter, valueHead, logprobs: true });
    return device.counters.dispatches - before;
  };
  // The first pass also makes the tables of relative positions.
  await dispatches(1);
  const steps = await dispatches(16) - await dispatches(6);
  const layers = model.linearModules.filter(({ name }) => /^decoder.*\.wo$/.test(name)).length;
  assert.equal(steps / 10, 11 * layers + 4);
});
