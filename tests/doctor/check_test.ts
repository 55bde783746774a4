import assert from "node:assert/strict";
import { equalOne } from "../../lib/doctor/bit_equality.ts";
import { attempt } from "../../lib/doctor/check.ts";

Deno.test("attempt: what a check returns or throws, at once or later", async () => {
  const { seconds, ...passed } = await attempt("wasm", "sum", () => "3 tokens");
  assert.deepEqual(passed, { device: "wasm", name: "sum", passed: true, detail: "3 tokens" });
  assert.ok(seconds >= 0 && seconds < 10);
  const fail = () => {
    throw new Error("2 differs");
  };
  const failed = { device: "webgpu", name: "sum", passed: false, detail: "2 differs" };
  for (const body of [fail, () => Promise.resolve().then(fail)]) {
    const { seconds, ...result } = await attempt("webgpu", "sum", body, performance.now() - 5000);
    assert.deepEqual(result, failed);
    assert.ok(seconds >= 5);
  }
});

Deno.test("equalOne: counts ratios, and names the first that is not 1", () => {
  assert.equal(equalOne(Float32Array.of(1, 1)), 2);
  assert.throws(() => equalOne(Float32Array.of(1, 1.5, 2)), /a token is 1.5, not 1/);
});
