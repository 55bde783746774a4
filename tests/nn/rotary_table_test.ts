import assert from "node:assert/strict";
import {
  rotaryFrequencies,
  rotaryTable,
  scaleAsLlama3,
  scaleLinearly,
} from "../../lib/nn/rotary_table.ts";
import { relativeNorm } from "../numeric.ts";
import * as reference from "../reference/rotary.ts";

Deno.test("rotaryFrequencies: theta^(-2i / headSize)", () => {
  const frequencies = rotaryFrequencies(500000, 64);
  const expected = Float64Array.from({ length: 32 }, (_, i) => 500000 ** (-2 * i / 64));
  assert.ok(relativeNorm(frequencies, expected) < 1e-7);
  assert.equal(frequencies[0], 1);
});

Deno.test("scaleLinearly: frequencies by the factor", () => {
  assert.deepEqual(
    scaleLinearly(Float32Array.of(1, 0.5, 0.25), 8),
    Float32Array.of(1 / 8, 1 / 16, 1 / 32),
  );
});

Deno.test("scaleAsLlama3: short waves stay, long ones are divided, those between are mixed", () => {
  const scaling = {
    factor: 8,
    lowFreqFactor: 1,
    highFreqFactor: 4,
    originalMaxPositionEmbeddings: 64,
  };
  // Wavelengths on both sides of 16 and of 64.
  const wavelengths = [10, 15.9, 20, 32, 63, 64.1, 200];
  const frequencies = Float32Array.from(wavelengths, (w) => 2 * Math.PI / w);
  const expected = wavelengths.map((w) => {
    const frequency = 2 * Math.PI / w;
    if (w < 16) return frequency;
    if (w > 64) return frequency / 8;
    const smooth = (64 / w - 1) / 3;
    return (1 - smooth) * frequency / 8 + smooth * frequency;
  });
  assert.ok(relativeNorm(scaleAsLlama3(frequencies, scaling), expected) < 2e-7);
});

Deno.test("rotaryTable: cosines, then sines, of angles rounded to f32", () => {
  const frequencies = rotaryFrequencies(10000, 8);
  const table = rotaryTable(frequencies, 300);
  assert.ok(relativeNorm(table, reference.rotaryTable(frequencies, 300)) < 2e-6);
  const angle = Math.fround(299 * frequencies[1]);
  assert.equal(table[299 * 8 + 1], Math.fround(Math.cos(angle)));
  assert.equal(table[299 * 8 + 4 + 1], Math.fround(Math.sin(angle)));
});
