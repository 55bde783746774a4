import assert from "node:assert/strict";
import { z } from "zod";
import { kindOf, registerRunKind, runKind, runKinds } from "../../../lib/runs/kinds/registry.ts";
import { resolveTrainConfig } from "../../../lib/runs/settings/config.ts";
import { resolveSftConfig } from "../../../lib/runs/settings/sft_config.ts";

/** Kinds without those that tests register. */
const KINDS = runKinds();

Deno.test("a run's kind is what its config.json says; older ones are told by their settings", () => {
  assert.equal(kindOf({ kind: "ppo" }).kind, "ppo");
  assert.equal(kindOf({ kind: "sft" }).kind, "sft");
  assert.equal(kindOf(resolveTrainConfig()).kind, "ppo");
  assert.equal(kindOf(resolveSftConfig()).kind, "sft");
  assert.equal(kindOf({ steps: 3, initKlCoef: 0.2 }).kind, "ppo");
  assert.equal(kindOf({ steps: null, maxTargetLength: 128 }).kind, "sft");
  const unknown = {
    name: "UserError",
    message: /^there is no kind of run "sarsa": expected one of ppo, /,
  };
  assert.throws(() => kindOf({ kind: "sarsa" }), unknown);
  assert.throws(() => runKind("sarsa"), unknown);
  assert.throws(() => kindOf({ kind: 3 }), /^UserError: there is no kind of run "3"/);
});

Deno.test("a kind that is registered is found, in place of one of its name", () => {
  const kind = { ...runKind("ppo"), kind: "registry-test", schema: z.object() };
  registerRunKind(kind);
  registerRunKind({ ...kind, title: "second" });
  assert.equal(kindOf({ kind: "registry-test" }).title, "second");
  assert.equal(runKinds().filter(({ kind }) => kind === "registry-test").length, 1);
});

Deno.test("every kind may change only settings that it has", () => {
  for (const { kind, schema, mayChange } of KINDS) {
    assert.deepEqual(mayChange.filter((name) => !(name in schema.shape)), [], kind);
  }
});

Deno.test("changes are read from a summary; what is missing or broken is left out", () => {
  const summary = {
    toxicity: { before: { mean: 0.5 }, after: { mean: 0.25 } },
    reward: { before: 1, after: 2 },
  };
  assert.deepEqual(runKind("ppo").changes(summary), [
    { label: "toxicity", before: 0.5, after: 0.25, better: "lower" },
    { label: "reward", before: 1, after: 2, better: "higher" },
  ]);
  const intervals = { before: [0.3, 0.7], after: [0, 0.5] };
  const [toxicity] = runKind("ppo").changes({
    toxicity: {
      before: { mean: 0.5, interval: intervals.before },
      after: { mean: 0.25, interval: intervals.after },
    },
  });
  assert.deepEqual(toxicity.intervals, intervals);
  const rouge = (value: number) => ({
    rouge1: value,
    rouge2: "x",
    rougeL: value,
    rougeLsum: value,
  });
  assert.deepEqual(
    runKind("sft").changes({
      loss: { before: 3, after: 1 },
      rouge: { before: rouge(0), after: rouge(1) },
    })
      .map(({ label }) => label),
    ["ROUGE-1", "ROUGE-L", "ROUGE-Lsum", "loss"],
  );
  for (const kind of ["grpo", "rloo", "dpo", "orpo", "kto"]) {
    assert.deepEqual(runKind(kind).changes({ winRate: 0.75 }), [
      { label: "win rate", before: 0.5, after: 0.75, better: "higher" },
    ]);
    assert.deepEqual(runKind(kind).changes({ winRate: "x" }), []);
  }
  for (const broken of [{}, { toxicity: 1, reward: null }, { toxicity: { before: null } }]) {
    assert.deepEqual(runKind("ppo").changes(broken), []);
    assert.deepEqual(runKind("sft").changes(broken), []);
  }
});
