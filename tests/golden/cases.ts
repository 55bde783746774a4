/**
 * The golden cases: what the original stack (torch, transformers, PEFT, TRL) returned, and the
 * comparisons with its numbers.
 *
 * TEMPER_GOLDEN         folder of the cases, default tests/golden/cases
 * TEMPER_GOLDEN_MODEL   folder of the checkpoint they were recorded on, default demo/tiny-flan-t5
 */
import assert from "node:assert/strict";
import { assetUrl } from "../../assets.ts";
import { SafetensorsFile } from "../../lib/formats/safetensors.ts";
import { environmentVariable } from "../../lib/platform/environment.ts";
import { readTextNow } from "../../lib/platform/files.ts";
import { fileURLToPath, join } from "../../lib/platform/paths.ts";

/** The folder that holds the cases. */
export const goldenDir: string = environmentVariable("TEMPER_GOLDEN") ??
  fileURLToPath(assetUrl("tests/golden/cases"));

/** The checkpoint that the cases were recorded on. */
export const modelDir: string = environmentVariable("TEMPER_GOLDEN_MODEL") ??
  fileURLToPath(assetUrl("demo/tiny-flan-t5"));

/** The arrays of a case. The file is open only during a call, so that a test leaks nothing. */
export class GoldenArrays {
  constructor(private readonly path: string) {}

  /** Names of all arrays. */
  names(): string[] {
    using file = SafetensorsFile.open(this.path);
    return [...file.tensors.keys()];
  }

  shape(name: string): readonly number[] {
    using file = SafetensorsFile.open(this.path);
    return file.info(name).shape;
  }

  floats(name: string): Float32Array<ArrayBuffer> {
    using file = SafetensorsFile.open(this.path);
    return file.readFloats(name);
  }

  ints(name: string): Int32Array<ArrayBuffer> {
    using file = SafetensorsFile.open(this.path);
    return file.readInts(name);
  }
}

/** A case: its JSON, which the caller knows the type of, and its arrays. */
export interface GoldenCase<T> {
  json: T;
  arrays: GoldenArrays;
}

/** Loads `<name>.json` and, lazily, `<name>.safetensors` (not every case has arrays). */
export function loadCase<T>(name: string): GoldenCase<T> {
  return loadCaseFrom(goldenDir, name);
}

/** As {@linkcode loadCase}, of a folder. */
export function loadCaseFrom<T>(folder: string, name: string): GoldenCase<T> {
  const json = JSON.parse(readTextNow(join(folder, `${name}.json`)));
  return { json, arrays: new GoldenArrays(join(folder, `${name}.safetensors`)) };
}

/** A scalar agrees: |a - b| ≤ 1e-4 + 1e-3·|b|. */
export function assertScalarClose(actual: number, expected: number, what: string): void {
  const tolerance = 1e-4 + 1e-3 * Math.abs(expected);
  assert.ok(
    Math.abs(actual - expected) <= tolerance,
    `${what}: ${actual}, the reference has ${expected} (tolerance ${tolerance})`,
  );
}

/** An array agrees: the norm of the difference is at most `tolerance` of the reference's norm. */
export function assertArrayClose(
  actual: ArrayLike<number>,
  expected: ArrayLike<number>,
  what: string,
  tolerance = 1e-3,
): void {
  assert.equal(actual.length, expected.length, `${what}: number of elements`);
  let difference = 0;
  let norm = 0;
  for (let i = 0; i < expected.length; i++) {
    difference += (actual[i] - expected[i]) ** 2;
    norm += expected[i] ** 2;
  }
  const distance = Math.sqrt(difference);
  assert.ok(
    distance <= tolerance * Math.sqrt(norm),
    `${what}: differs by ${distance / Math.sqrt(norm)} of the reference's norm ${
      Math.sqrt(norm)
    } (tolerance ${tolerance})`,
  );
}

/**
 * A parameter has moved from `start` as the reference's has, within 2e-2 of the movement's norm: Adam
 * divides by the gradient's own size, which magnifies rounding where a gradient is almost nothing.
 */
export function assertMovementClose(
  actual: ArrayLike<number>,
  expected: ArrayLike<number>,
  start: ArrayLike<number>,
  what: string,
): void {
  const movement = (to: ArrayLike<number>) => Array.from(to, (value, i) => value - start[i]);
  assertArrayClose(movement(actual), movement(expected), `${what}, movement`, 2e-2);
}
