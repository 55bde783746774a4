import assert from "node:assert/strict";
import {
  MAX_DISPATCHES,
  SubmitBudget,
  WorkEstimate,
} from "../../../lib/device/webgpu/submit_budget.ts";

/** A kernel of a pretended GPU. */
interface Kernel {
  groups: number;
  /** Seconds that its dispatch takes. */
  seconds: number;
  work: WorkEstimate;
}

const kernel = (groups: number, seconds: number): Kernel => (
  { groups, seconds, work: new WorkEstimate() }
);

/** Runs dispatches up to a read. Returns the seconds and the dispatches of each submit. */
function run(budget: SubmitBudget, dispatches: readonly Kernel[], hostSeconds = 0) {
  const submits = [{ seconds: 0, dispatches: 0 }];
  for (const { work, groups, seconds } of dispatches) {
    if (!budget.fits(work, groups)) {
      budget.submitted();
      submits.push({ seconds: 0, dispatches: 0 });
    }
    budget.add(work, groups);
    submits.at(-1)!.seconds += seconds;
    submits.at(-1)!.dispatches++;
  }
  budget.submitted();
  budget.finished(hostSeconds + submits.reduce((sum, { seconds }) => sum + seconds, 0));
  return submits;
}

const longest = (submits: readonly { seconds: number }[]) =>
  Math.max(...submits.map(({ seconds }) => seconds));

const layers = (count: number, ...layer: Kernel[]) =>
  Array.from({ length: count }, () => layer).flat();

Deno.test("submits to a fast GPU are bounded by their dispatches, the first ones few", () => {
  const budget = new SubmitBudget();
  const step = layers(1000, kernel(96, 20e-6), kernel(1536, 5e-6));
  for (let i = 0; i < 8; i++) run(budget, step);
  const submits = run(budget, step).map(({ dispatches }) => dispatches);
  assert.deepEqual(submits.slice(0, 5), [32, 64, 128, MAX_DISPATCHES, MAX_DISPATCHES]);
});

Deno.test("submits to a slow GPU take about a quarter of a second, from the first pass on", () => {
  const budget = new SubmitBudget();
  const [product, norm, head] = [kernel(96, 3e-3), kernel(512, 1e-4), kernel(4016, 0.1)];
  const pass = [...layers(200, product, norm), head];
  assert.ok(longest(run(budget, pass)) < 1);
  for (let i = 0; i < 8; i++) run(budget, pass);
  const submits = run(budget, pass);
  assert.ok(longest(submits) < 0.4, `${longest(submits)} s`);
  assert.ok(submits.length < 10, `${submits.length} submits`);
});

Deno.test("what decoding takes says nothing about training's kernels", () => {
  const budget = new SubmitBudget();
  const [narrow, wide, norm] = [kernel(48, 1e-4), kernel(96, 5e-3), kernel(512, 5e-5)];
  for (let i = 0; i < 10; i++) {
    for (let j = 0; j < 20; j++) run(budget, layers(300, narrow, norm));
    run(budget, layers(100, wide, norm));
  }
  run(budget, layers(300, narrow, norm));
  assert.ok(longest(run(budget, layers(100, wide, norm))) < 0.5);
});

Deno.test("a host that was busy before it read makes submits no smaller for long", () => {
  const budget = new SubmitBudget();
  const step = layers(500, kernel(96, 1e-5));
  for (let i = 0; i < 8; i++) run(budget, step);
  run(budget, step, 60);
  for (let i = 0; i < 2; i++) run(budget, step);
  assert.equal(Math.max(...run(budget, step).map(({ dispatches }) => dispatches)), MAX_DISPATCHES);
});

Deno.test("a dispatch that is too long by itself is submitted alone", () => {
  const budget = new SubmitBudget();
  const huge = kernel(1e6, 3);
  const submits = run(budget, [huge, huge, huge]);
  assert.deepEqual(submits.map(({ dispatches }) => dispatches), [1, 1, 1]);
});
