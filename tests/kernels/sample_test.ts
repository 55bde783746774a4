import assert from "node:assert/strict";
import { greedy, sample, type SampleOptions, tokenSet } from "../../kernels/sample/sample.ts";
import { logSoftmaxChunk, logSoftmaxFinish } from "../../kernels/lm_head/lm_head.ts";
import { LOG_SOFTMAX_STATE, LOGITS_CHUNK } from "../../kernels/lm_head/signatures.ts";
import type { Device } from "../../lib/device/device.ts";
import { Context } from "../../lib/tensor/context.ts";
import { deviceTest, gpuTest } from "../device.ts";
import { randomValues, relativeNorm } from "../numeric.ts";
import { philox4x32, uniform } from "../reference/philox.ts";
import { inverseCdf, penalised, processedProbabilities } from "../reference/sampling.ts";

interface Row {
  logits: ArrayLike<number>;
  rollout?: number;
  position?: number;
  /** Tokens that came before. */
  seen?: readonly number[];
}

interface Settings extends Partial<Omit<SampleOptions, "rollouts">> {
  ends?: number[];
  minLength?: number;
  /** Penalty on the tokens that came before; rows have their sets in reverse order. */
  penalty?: number;
}

/** A token for each row, the probabilities it was drawn from, and the tokens that came before then. */
async function run(device: Device, rows: Row[], settings: Settings = {}) {
  const cx = new Context(device);
  const vocabulary = rows[0].logits.length;
  const { ends = [], minLength = 0, penalty, ...drawing } = settings;
  const sets = rows.toReversed().map(({ seen = [] }) => tokenSet(seen, vocabulary));
  const words = sets[0].length;
  const bits = Int32Array.from(sets.flatMap((set) => [...set]));
  const seen = cx.from(bits);
  const order = cx.from(Int32Array.from(rows, (_, i) => rows.length - 1 - i));
  const input = {
    logits: cx.from(Float32Array.from(rows.flatMap((row) => Array.from(row.logits)))),
    rows: rows.length,
    vocabulary,
    positions: cx.from(Int32Array.from(rows, (row) => row.position ?? 0)),
    ends: ends.length > 0 ? cx.from(tokenSet(ends, vocabulary)) : null,
    minLength,
    repetition: penalty === undefined ? null : { penalty, seen, rows: order },
  };
  const rollouts = cx.from(Int32Array.from(rows, (row) => row.rollout ?? 0));
  const options = { rollouts, seed: 0, temperature: 1, topK: 0, topP: 1, ...drawing };
  const tokens = cx.empty([rows.length], "i32");
  const probabilities = cx.empty([rows.length, vocabulary]);
  sample(device, input, options, tokens, { probabilities });
  const sampled = Array.from(await tokens.readInts());
  const all = await probabilities.read();
  const after = await seen.readInts();
  seen.write(bits);
  greedy(device, input, tokens);
  const result = {
    sampled,
    greedy: Array.from(await tokens.readInts()),
    probabilities: rows.map((_, i) => all.slice(i * vocabulary, (i + 1) * vocabulary)),
    seen: rows.map((_, i) => {
      const own = after.subarray((rows.length - 1 - i) * words);
      return Array.from({ length: vocabulary }, (_, token) => token)
        .filter((token) => own[token >> 5] >> (token & 31) & 1);
    }),
  };
  cx.release();
  return result;
}

/** Both must remove the same tokens. */
function assertProbabilities(actual: ArrayLike<number>, expected: ArrayLike<number>): void {
  const kept = (p: ArrayLike<number>) =>
    Array.from(p, (x, i) => x > 0 ? i : -1).filter((i) => i >= 0);
  assert.deepEqual(kept(actual), kept(expected));
  assert.ok(relativeNorm(actual, expected) < 2e-6);
}

deviceTest("sample: probabilities and draws agree with sorting in f64", async (device) => {
  for (const vocabulary of [1, 2, 5, 255, 704, 3001]) {
    const logits = randomValues(vocabulary, vocabulary).map((x) => 6 * x);
    for (
      const { topK, topP, minP } of [
        [0, 1, 0],
        [1, 1, 0],
        [7, 1, 0],
        [0, 0.5, 0],
        [0, 1e-9, 0],
        [300, 0.95, 0],
        [0, 1, 0.1],
        [0, 1, 1],
        [200, 0.9, 0.02],
      ].map(([topK, topP, minP]) => ({ topK, topP, minP }))
    ) {
      const rows = [0, 1, 2, 3].map((rollout) => ({ logits, rollout, position: 9 }));
      const settings = { topK, topP, minP, temperature: 0.8, seed: 2 ** 40 + 3 };
      const { sampled, probabilities } = await run(device, rows, settings);
      const expected = processedProbabilities(logits, { ...settings, banned: [] });
      assertProbabilities(probabilities[0], expected);
      rows.forEach(({ rollout, position }, i) => {
        const [word] = philox4x32([rollout, position, 0, 0], [3, 2 ** 8]);
        assert.equal(sampled[i], inverseCdf(expected, uniform(word)));
      });
    }
  }
});

deviceTest(
  "sample: ties: top-k keeps all that equal the k-th, top-p removes small ids first",
  async (device) => {
    const logits = [0, 1, 1, -0, 1, 0, 1];
    const k = await run(device, [{ logits }], { topK: 2 });
    assert.deepEqual(Array.from(k.probabilities[0]), [0, 0.25, 0.25, 0, 0.25, 0, 0.25]);
    const zeros = await run(device, [{ logits }], { topK: 5 });
    assert.ok(zeros.probabilities[0].every((p) => p > 0), "-0 equals 0");
    const p = await run(device, [{ logits: [2, 2, 2, 2] }], { topP: 0.5 });
    assert.deepEqual(Array.from(p.probabilities[0]), [0, 0, 0.5, 0.5]);
  },
);

deviceTest("sample: the end token waits for the minimum length, row by row", async (device) => {
  const logits = [1, 50, 2, 2];
  const rows = [3, 4, 5].map((position) => ({ logits, position }));
  const result = await run(device, rows, { ends: [1], minLength: 4 });
  assert.equal(result.probabilities[0][1], 0);
  assert.notEqual(result.sampled[0], 1);
  assert.deepEqual(result.sampled.slice(1), [1, 1]);
  // 2 and 3 are equally likely: the first is taken.
  assert.deepEqual(result.greedy, [2, 1, 1]);
});

deviceTest("sample: none of several end tokens comes before the minimum length", async (device) => {
  const logits = [50, 1, 50, 2, 49];
  const rows = [0, 1, 2].map((position) => ({ logits, position }));
  const result = await run(device, rows, { ends: [0, 4, 2], minLength: 2 });
  for (const row of [0, 1]) {
    const { probabilities: { [row]: p } } = result;
    assert.deepEqual(Array.from(p.keys()).filter((i) => p[i] > 0), [1, 3]);
  }
  assert.deepEqual(result.greedy, [3, 3, 0]);
  assert.ok([0, 2, 4].includes(result.sampled[2]));
});

deviceTest(
  "sample: tokens that came before are penalised before anything else; a drawn one joins them",
  async (device) => {
    for (const vocabulary of [5, 33, 704, 40_003]) {
      const logits = randomValues(vocabulary, vocabulary).map((x) => 3 * x);
      const rows = [[], [1], [0, 2, 4], Array.from({ length: vocabulary }, (_, i) => i)]
        .map((seen, rollout) => ({ logits, rollout, seen }));
      for (const penalty of [1.3, 0.7]) {
        const settings = { temperature: 0.8, topK: 4, topP: 0.9, seed: 4 };
        const end = { ends: [2], minLength: 1 };
        const result = await run(device, rows, { ...settings, ...end, penalty });
        rows.forEach(({ seen }, i) => {
          const expected = processedProbabilities(logits, {
            ...settings,
            banned: [2],
            penalty,
            seen,
          });
          assertProbabilities(result.probabilities[i], expected);
          const scores = logits.map((x, token) =>
            token === 2 ? -Infinity : penalised(x, seen.includes(token) ? penalty : 1)
          );
          assert.equal(result.greedy[i], scores.indexOf(Math.max(...scores)));
          const joined = new Set([...seen, result.sampled[i]]);
          assert.deepEqual(result.seen[i], [...joined].sort((a, b) => a - b));
        });
      }
    }
  },
);

deviceTest("sample: frequencies follow the probabilities", async (device) => {
  const logits = [0, 1, 2, -1, 0.5];
  const draws = 20_000;
  const rows = Array.from({ length: draws }, (_, rollout) => ({ logits, rollout }));
  const { sampled, probabilities } = await run(device, rows, { seed: 5 });
  probabilities[0].forEach((p, token) => {
    const share = sampled.filter((t) => t === token).length / draws;
    const deviation = Math.sqrt(p * (1 - p) / draws);
    assert.ok(Math.abs(share - p) < 4 * deviation, `${token}: ${share}, expected ${p}`);
  });
});

deviceTest(
  "sample: a draw depends on seed, rollout and position, not on the batch",
  async (device) => {
    const logits = randomValues(32128, 8);
    const rows = Array.from(
      { length: 8 },
      (_, i) => ({ logits, rollout: i % 4, position: i >> 2 }),
    );
    const settings = { topP: 0.9, topK: 20_000, seed: 1 };
    const all = await run(device, rows, settings);
    const alone = await run(device, rows.slice(6, 7), settings);
    assert.equal(alone.sampled[0], all.sampled[6]);
    assert.equal(new Set(all.sampled).size, 8);
    const other = await run(device, rows, { ...settings, seed: 2 });
    assert.notDeepEqual(other.sampled, all.sampled);
  },
);

deviceTest(
  "sample: -1 where the logits are no distribution; too large a vocabulary is refused",
  async (device) => {
    const rows = [[0, NaN, 1, 2, 3], [0, Infinity, 1, 2, 3], [0, 9, 1, 2, 3]]
      .map((logits) => ({ logits }));
    for (const settings of [{}, { topK: 2 }, { topP: 0.5 }]) {
      assert.deepEqual((await run(device, rows, settings)).sampled.slice(0, 2), [-1, -1]);
    }
    assert.deepEqual((await run(device, rows)).greedy, [-1, 1, 1]);
    const logits = new Float32Array(270_333);
    await assert.rejects(
      run(device, [{ logits }]),
      /270333 tokens is too large to sample from: at most 270332/,
    );
    const largest = await run(device, [{ logits: logits.subarray(1) }], { topK: 5, topP: 0.5 });
    assert.ok(largest.sampled[0] >= 135_166, `${largest.sampled}`);
  },
);

gpuTest(
  "sample, greedy: several workgroups a row take the tokens and logprobs of one, bit for bit",
  async (device) => {
    for (const vocabulary of [1, 33, 704, LOGITS_CHUNK + 1, 40_003]) {
      const cx = new Context(device);
      const rows = 5;
      const values = randomValues(rows * vocabulary, vocabulary).map((x) => 5 * x);
      // Ties, also over the ends of parts, and a row that is no distribution.
      for (let i = 0; i < vocabulary; i += 3) values[vocabulary + i] = 16;
      if (vocabulary > 1) values[3 * vocabulary - 1] = NaN;
      values.fill(-Infinity, 3 * vocabulary, 4 * vocabulary - (vocabulary >> 1));
      const words = Math.ceil(vocabulary / 32);
      const bits = new Int32Array(rows * words).fill(0x55555555);
      const seen = cx.from(bits);
      const input = {
        logits: cx.from(values, [rows, vocabulary]),
        rows,
        vocabulary,
        positions: cx.from(Int32Array.of(0, 1, 2, 3, 0)),
        ends: cx.from(tokenSet([0, vocabulary - 1], vocabulary)),
        minLength: 1,
      };
      const penalised = { penalty: 1.2, seen, rows: cx.from(Int32Array.of(4, 3, 2, 1, 0)) };
      for (const repetition of [null, penalised]) {
        for (const settings of [{ minP: 0 }, { minP: 0.05 }, null]) {
          for (let rollout = 0; rollout < 4; rollout++) {
            const rollouts = cx.from(
              Int32Array.from({ length: rows }, (_, i) => rows * rollout + i),
            );
            const drawing = { rollouts, seed: 9, temperature: 0.7, topK: 0, topP: 1, ...settings };
            const take = async (inParts: boolean, wanted: boolean) => {
              seen.write(bits);
              const tokens = cx.empty([rows], "i32");
              const logprobs = wanted ? cx.from(new Float32Array(rows)) : null;
              const extras = { logprobs, inParts };
              if (settings) sample(device, { ...input, repetition }, drawing, tokens, extras);
              else greedy(device, { ...input, repetition }, tokens, extras);
              return {
                tokens: [...await tokens.readInts()],
                logprobs: logprobs && [...await logprobs.read()],
                seen: [...await seen.readInts()],
              };
            };
            const expected = await take(false, true);
            assert.deepEqual(await take(true, true), expected, `${vocabulary} tokens`);
            const { tokens, seen: joined } = expected;
            assert.deepEqual(await take(true, false), { tokens, logprobs: null, seen: joined });
          }
        }
      }
      cx.release();
    }
  },
);

gpuTest(
  "sample, greedy: logprobs are those of the chunks that training folds, bit for bit",
  async (device) => {
    for (const vocabulary of [1, 5, 704, LOGITS_CHUNK, 9001]) {
      const cx = new Context(device);
      const rows = 3;
      const values = randomValues(rows * vocabulary, vocabulary).map((x) => 9 * x);
      const logits = cx.from(values, [rows, vocabulary]);
      const positions = cx.from(Int32Array.of(0, 1, 2));
      const rollouts = cx.from(Int32Array.of(4, 5, 6));
      const ends = cx.from(tokenSet([0], vocabulary));
      const words = Math.ceil(vocabulary / 32);
      const seen = cx.from(new Int32Array(rows * words).fill(0x55555555));
      const repetition = { penalty: 1.2, seen, rows: positions };
      const end = { ends, minLength: 1 };
      const input = { logits, rows, vocabulary, positions, ...end, repetition };
      const settings = { rollouts, seed: 1, temperature: 0.5, topK: 40, topP: 0.9 };
      for (const draws of [true, false]) {
        const tokens = cx.empty([rows], "i32");
        // A row without a token has no logprob: what was there stays.
        const logprobs = cx.from(new Float32Array(rows));
        if (draws) sample(device, input, settings, tokens, { logprobs });
        else greedy(device, input, tokens, { logprobs });
        const state = cx.from(new Float32Array(rows * LOG_SOFTMAX_STATE), [
          rows,
          LOG_SOFTMAX_STATE,
        ]);
        for (let columnStart = 0; columnStart < vocabulary; columnStart += LOGITS_CHUNK) {
          const columns = Math.min(LOGITS_CHUNK, vocabulary - columnStart);
          const chunk = { buffer: logits.buffer, byteOffset: columnStart * 4 };
          logSoftmaxChunk(
            device,
            { logits: chunk, rows, columns, stride: vocabulary, columnStart, targets: tokens },
            state,
            columnStart === 0,
          );
        }
        const expected = cx.empty([rows]);
        const [entropy, lse] = [cx.empty([rows]), cx.empty([rows])];
        logSoftmaxFinish(device, state, rows, { logprobs: expected, entropy, lse });
        const drawn = await tokens.readInts();
        const [actual, chunked] = [await logprobs.read(), await expected.read()];
        drawn.forEach((token, row) => {
          // The first row's only token may be the end, which cannot come yet.
          if (token < 0) return assert.ok(row === 0 && vocabulary === 1);
          assert.equal(actual[row], chunked[row]);
          const own = values.subarray(row * vocabulary, (row + 1) * vocabulary);
          const sum = own.reduce((total, x) => total + Math.exp(x), 0);
          assert.ok(Math.abs(actual[row] - (own[token] - Math.log(sum))) < 1e-5);
        });
      }
      cx.release();
    }
  },
);
