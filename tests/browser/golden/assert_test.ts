import strict from "node:assert/strict";
import assert from "./assert.ts";

Deno.test("assertions in a page fail where Node's do", () => {
  const pairs: [unknown, unknown][] = [
    [1, 1],
    [1, 2],
    [0, -0],
    [NaN, NaN],
    [1, "1"],
    [null, undefined],
    [[1, 2], [1, 2]],
    [[1, 2], [1]],
    [[1, 2], { 0: 1, 1: 2 }],
    [{ a: 1, b: [2] }, { b: [2], a: 1 }],
    [{ a: 1 }, { a: 1, b: undefined }],
    [{ a: undefined }, { b: undefined }],
    [Float32Array.of(1, 2), Float32Array.of(1, 2)],
    [Float32Array.of(1, 2), Float32Array.of(1, 3)],
    [Float32Array.of(1, 2), [1, 2]],
    [new Map([["a", [1]]]), new Map([["a", [1]]])],
    [new Map([["a", [1]]]), new Map([["a", [2]]])],
    [new Map(), {}],
  ];
  for (const [a, b] of pairs) {
    for (const check of ["equal", "deepEqual"] as const) {
      const fails = (one: typeof assert) => {
        try {
          one[check](a, b);
          return false;
        } catch {
          return true;
        }
      };
      strict.equal(fails(assert), fails(strict), `${check}(${String(a)}, ${String(b)})`);
    }
  }
  strict.throws(() => assert.ok(0, "what"), /^Error: what: /);
});
