import assert from "node:assert/strict";
import { faultsOf } from "../../../bench/gpu_check/report.ts";
import { describeStage, noAdapter } from "../../../bench/gpu_check/summary.ts";
import { cardTable } from "../../../bench/gpu_check/table.ts";
import { statedPeak } from "../../../bench/gpu_check/cards.ts";
import { done, sampleReport } from "./sample_report.ts";

const WAY = {
  immediate: true,
  milliseconds: { 4: 0.25 },
  decoding: {
    rows: 1,
    steps: 1,
    perStep: { milliseconds: 1, dispatches: 1, submits: 1, reads: 1 },
  },
};
const READBACK = { device: "", reason: "", ways: [{ ...WAY, milliseconds: { 4: 11 } }, WAY] };
const PASSED = { passed: 3, ignored: 0, failed: [], cutShort: false, crash: null, seconds: 1 };
const FAILED = { ...PASSED, failed: [{ name: "adds", message: "1, not 2" }] };

Deno.test("a report has no faults where what ran was right, whatever there was no time for", () => {
  const cut = { ...done([{ file: "a_test.ts", ...PASSED }]), state: "cut short" as const };
  assert.deepEqual(faultsOf(sampleReport({ stages: { kernels: cut } })), []);
});

Deno.test("faults are failed tests, crashes, checks that do not hold, and a missing adapter", () => {
  const report = sampleReport({
    stages: {
      kernels: { ...done([{ file: "a_test.ts", ...FAILED }]), state: "failed" },
      golden: done([{ file: "b_test.ts", ...PASSED, crash: "ended with SIGSEGV" }]),
      verify: done([{ device: "webgpu", name: "ratio", passed: false, detail: "2", seconds: 1 }]),
      readback: { ...done(READBACK), state: "failed", note: "lost" },
    },
  });
  const faults = [
    "readback: lost",
    "a_test.ts: adds",
    "b_test.ts: ended with SIGSEGV",
  ];
  assert.deepEqual(faultsOf(report), [...faults, "webgpu ratio: 2"]);
  const { facts } = report.stages;
  const machine = { ...facts.result!.machine, adapter: null };
  const without = sampleReport({ stages: { facts: done({ ...facts.result!, machine }) } });
  assert.deepEqual(faultsOf(without), ["there is no WebGPU adapter"]);
});

Deno.test("a missing adapter is one line: no loader, no driver, or a driver that finds nothing", () => {
  const { facts } = sampleReport({}).stages;
  assert.equal(noAdapter(sampleReport({})), null);
  const says = (changes: Partial<NonNullable<typeof facts.result>>) => {
    const machine = { ...facts.result!.machine, adapter: null };
    const stages = { facts: done({ ...facts.result!, machine, ...changes }) };
    return noAdapter(sampleReport({ stages }))!;
  };
  assert.match(says({ loader: null }), /^there is no Vulkan loader \(libvulkan1 [^\n]*\): only/);
  assert.match(says({ drivers: [] }), /^there is no Vulkan driver \(NVIDIA: [^\n]*\): only/);
  assert.match(
    says({ loader: null, drivers: [] }),
    /^there is no Vulkan loader .* and no Vulkan driver/,
  );
  assert.match(says({}), /^there are a Vulkan loader and drivers \(\/a\.json\), but none .*$/);
});

const PRODUCT = { product: "x·Wᵀ", dtype: "f32", chosen: "b" } as const;
const STAGES = {
  kernels: done([{ file: "a_test.ts", ...PASSED }, { file: "b_test.ts", ...PASSED }]),
  golden: { ...done([{ file: "c_test.ts", ...PASSED }]), state: "cut short" as const },
  verify: done([{ device: "webgpu" as const, name: "x", passed: true, detail: "", seconds: 1 }]),
  products: done([
    { ...PRODUCT, of: "square", m: 1024, n: 1024, k: 1024, gflops: { a: 4000, b: 5000 } },
    ...[1000, 2000, 3000].map((speed) => (
      { ...PRODUCT, of: "flan-t5-base", m: 1200, n: 768, k: 768, gflops: { b: speed } }
    )),
  ]),
  readback: done(READBACK),
};

Deno.test("the table has what was measured, with shares of the peak, and what was not", () => {
  const table = cardTable([sampleReport({ stages: STAGES })]).split("\n");
  assert.match(table[0], /^Cards that are not in this table/);
  assert.equal(
    table.at(-1),
    "| Card 9000, driver 570.1, Deno 2.9.6 | all 6 passed | not run | 3 passed, the others not run | " +
      "not run, all 1 | 5.0 TFLOPS (50 %), 2.0 TFLOPS (20 %) | — / — | — / — | 0.25 ms | " +
      "2026-01-02, 1.2 abc |",
  );
});

Deno.test("the table says so where no hardware was seen, and gives software no speed", () => {
  const table = cardTable([sampleReport({ software: true, stages: STAGES })]).split("\n");
  assert.match(table[0], /^\*\*No hardware GPU has been checked yet/);
  assert.match(table.at(-1)!, /\| —, — \|/);
});

Deno.test("a stage's line has its state, and what it found or why it found nothing", () => {
  const failed = { ...done(STAGES.golden.result), state: "failed" as const, note: "1 of 1 file" };
  const report = sampleReport({ stages: { ...STAGES, golden: failed } });
  assert.match(describeStage(report, "kernels"), /^done +kernel tests +1\.0 s +6 passed, 0 failed/);
  assert.match(describeStage(report, "products"), /1024³ 5000 GFLOPS, 50 % of the peak$/);
  assert.match(describeStage(report, "golden"), /^failed .*, 1 files; 1 of 1 file$/);
  assert.match(describeStage(report, "facts"), /Card 9000/);
});

Deno.test("the peak of a card is its maker's, of the form that it has", () => {
  assert.equal(statedPeak("NVIDIA H200"), 67);
  assert.equal(statedPeak("NVIDIA H100 PCIe"), 51);
  assert.equal(statedPeak("NVIDIA L40S"), 91.6);
  assert.equal(statedPeak("NVIDIA GeForce RTX 3090 Ti"), 40);
  assert.equal(statedPeak("Card 9000"), null);
});
