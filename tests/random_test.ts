import assert from "node:assert/strict";
import { Random } from "../lib/random.ts";

Deno.test("Random: follows the published xoshiro128** recurrence", () => {
  // The same generator written with BigInt, from the authors' C source, started from splitmix32.
  const mask = 0xffffffffn;
  const mul = (a: bigint, b: bigint) => (a * b) & mask;
  const rotl = (x: bigint, k: bigint) => ((x << k) | (x >> (32n - k))) & mask;
  let z = 7n;
  const s = Array.from({ length: 4 }, () => {
    z = (z + 0x9e3779b9n) & mask;
    let x = mul(z ^ (z >> 16n), 0x21f0aaadn);
    x = mul(x ^ (x >> 15n), 0x735a2d97n);
    return x ^ (x >> 15n);
  });
  const random = new Random(7);
  for (let i = 0; i < 100; i++) {
    const expected = mul(rotl(mul(s[1], 5n), 7n), 9n);
    const t = (s[1] << 9n) & mask;
    s[2] ^= s[0];
    s[3] ^= s[1];
    s[1] ^= s[2];
    s[0] ^= s[3];
    s[2] ^= t;
    s[3] = rotl(s[3], 11n);
    assert.equal(random.uint32(), Number(expected));
  }
});

Deno.test("Random: uniform has the mean and variance of U(0, 1), and stays inside", () => {
  const random = new Random(0);
  let sum = 0, squares = 0;
  const n = 100_000;
  for (let i = 0; i < n; i++) {
    const u = random.uniform();
    assert.ok(u >= 0 && u < 1);
    sum += u;
    squares += u * u;
  }
  const mean = sum / n;
  assert.ok(Math.abs(mean - 0.5) < 0.005, `mean ${mean}`);
  assert.ok(Math.abs(squares / n - mean * mean - 1 / 12) < 0.002);
});

Deno.test("Random: integer covers [low, high) and nothing else", () => {
  const random = new Random(3);
  const seen = new Set(Array.from({ length: 500 }, () => random.integer(100, 104)));
  assert.deepEqual([...seen].sort(), [100, 101, 102, 103]);
});

Deno.test("Random: shuffle permutes, the same way for the same seed only", () => {
  const items = Array.from({ length: 20 }, (_, i) => i);
  const once = new Random(5).shuffle([...items]);
  assert.deepEqual([...once].sort((a, b) => a - b), items);
  assert.deepEqual(new Random(5).shuffle([...items]), once);
  assert.notDeepEqual(new Random(6).shuffle([...items]), once);
});

Deno.test("Random: goes on from a state", () => {
  const random = new Random(3);
  random.uint32();
  const resumed = new Random(99);
  resumed.state = JSON.parse(JSON.stringify(random.state));
  for (let i = 0; i < 10; i++) assert.equal(resumed.uint32(), random.uint32());
});

Deno.test("Random: a copy goes on with the same sequence and leaves the original where it is", () => {
  const random = new Random(3);
  random.uint32();
  const copy = random.copy();
  const ahead = [copy.uint32(), copy.uint32()];
  assert.deepEqual([random.uint32(), random.uint32()], ahead);
});
