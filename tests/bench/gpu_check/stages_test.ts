import assert from "node:assert/strict";
import { readOptions } from "../../../bench/gpu_check/main.ts";
import { difference } from "../../../bench/gpu_check/profile.ts";
import { STAGES, stageSeconds } from "../../../bench/gpu_check/stages.ts";
import { timeDecoding } from "../../../bench/decoding.ts";
import { UserError } from "../../../lib/errors.ts";

Deno.test("stages share the time; what one leaves is the next ones'", () => {
  assert.equal(stageSeconds([1, 2, 1], 40), 10);
  assert.equal(stageSeconds([2, 1], 39), 26);
  assert.equal(stageSeconds([1], 13), 13);
  assert.equal(stageSeconds([1, 3], 40, 15), 15);
  assert.equal(stageSeconds([1, 3], 20, 15), 10);
  assert.equal(stageSeconds([1, 3], -1), 0);
});

Deno.test("gpu-check's options: defaults, and one line for what is wrong", () => {
  const none = { minutes: 9, peakTflops: null, output: "gpu-check.json", only: [], shape: null };
  assert.deepEqual(readOptions([]), none);
  assert.deepEqual(
    readOptions(["--minutes", "1.5", "--only", "kernels, ppo f32", "--peak-tflops", "67"]),
    { ...none, minutes: 1.5, only: ["kernels", "ppo f32"], peakTflops: 67 },
  );
  assert.equal(readOptions(["--help"]), null);
  const wrong = [["--minutes", "0"], ["--only", "speed"], ["--shape", "huge"], ["--fast"], ["x"]];
  for (const args of wrong) assert.throws(() => readOptions(args), UserError, args.join(" "));
});

Deno.test("a profile of later steps leaves out what came before", () => {
  const time = (kernel: string, launches: number, seconds: number) => ({
    kernel,
    launches,
    seconds,
  });
  assert.deepEqual(
    difference([time("a", 3, 3), time("b", 2, 5), time("c", 1, 1)], [
      time("a", 1, 1),
      time("c", 1, 2),
    ]),
    [time("b", 2, 5), time("a", 2, 2)],
  );
});

Deno.test("the time of decoding is apart from that of the prompts", async () => {
  const calls: number[] = [];
  const time = await timeDecoding(
    async (tokens) => {
      calls.push(tokens);
      await new Promise((resolve) => setTimeout(resolve, 20 + 10 * tokens));
    },
    11,
    2,
  );
  assert.deepEqual(calls, [1, 1, 11, 11]);
  assert.ok(time.first >= 0.03, `${time.first}`);
  assert.ok(time.step > 0.005, `${time.step}`);
});

Deno.test("stages have names of their own, and weights that are about nine minutes", () => {
  assert.equal(new Set(STAGES.map(({ name }) => name)).size, STAGES.length);
  const total = STAGES.reduce((sum, { weight }) => sum + weight, 0);
  assert.ok(Math.abs(total - 540) < 30, `${total}`);
});
