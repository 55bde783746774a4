import assert from "node:assert/strict";
import { decode, decodeEntry, encode, type Result } from "../../lib/cluster/messages.ts";
import { resultIdOf, resultProblem } from "../../lib/cluster/results.ts";
import { resultSubject } from "../../lib/cluster/topology.ts";

const POLICY = "ab".repeat(32);
const RESULT: Result = {
  policy: POLICY,
  worker: "a",
  tokens: [3, 1],
  logprobs: [-0.10000000149011612, -7.006492321624085e-46],
  values: [0.25, -0],
  scores: { 0: 0.30000001192092896, 2: null },
  seconds: 0.5,
};

Deno.test("a message keeps every bit of its numbers", () => {
  const read = decode("result", encode("result", RESULT, 1000))!;
  assert.deepEqual(Float32Array.from(read.logprobs!), Float32Array.from(RESULT.logprobs!));
  assert.deepEqual(read.scores, RESULT.scores);
});

Deno.test("what is no message is none; one that is too large names the limit", () => {
  for (
    const text of [
      "",
      "{",
      "null",
      "[]",
      '{"policy":1}',
      JSON.stringify({ ...RESULT, tokens: [-1] }),
    ]
  ) {
    assert.equal(decode("result", new TextEncoder().encode(text)), null, text);
  }
  assert.equal(decode("run", encode("result", RESULT, 1000)), null);
  assert.throws(
    () => encode("result", RESULT, 50),
    /is larger than NATS takes \(50\): raise max_p/,
  );
});

Deno.test("results that a trainer must not use are told from others", () => {
  const prompt = {
    text: "",
    tokens: [1],
    columns: {},
    firstRollout: 0,
    responses: 1,
    maxNewTokens: 2,
  };
  const expected = { prompts: [prompt], policy: POLICY };
  const id = { step: 1, prompt: 0, response: 0 };
  const problem = (changes: Partial<Result>) =>
    resultProblem({ ...RESULT, ...changes }, expected, id, 10);
  assert.equal(problem({}), null);
  assert.equal(problem({ values: null }), null);
  assert.match(
    problem({ policy: "0".repeat(64) })!,
    /the policy 000000000000 made it, expected abab/,
  );
  assert.match(problem({ tokens: [] })!, /it has 0 tokens, expected 1 to 2/);
  assert.match(problem({ tokens: [1, 2, 3] })!, /it has 3 tokens/);
  assert.match(problem({ tokens: [3, 10] })!, /token 10 of a vocabulary of 10/);
  assert.match(problem({ logprobs: null })!, /no logprobs for 2 tokens/);
  assert.match(problem({ values: [1] })!, /1 values for 2 tokens/);
});

Deno.test("a bucket's entry is a message unless it is missing, deleted or another", () => {
  const lease = { holder: "a", host: "b", step: 1, steps: 2 };
  const value = encode("lease", lease, 1000);
  assert.deepEqual(decodeEntry("lease", { operation: "PUT", value }), lease);
  assert.equal(decodeEntry("lease", { operation: "DEL", value }), null);
  assert.equal(decodeEntry("worker", { operation: "PUT", value }), null);
  assert.equal(decodeEntry("lease", null), null);
});

Deno.test("a result's place is read from its subject", () => {
  assert.deepEqual(resultIdOf(resultSubject("run-1", 3, 2, 1)), {
    step: 3,
    prompt: 2,
    response: 1,
  });
  const others = ["temper.a.result.1.2", "temper.a.work.1.2.3", "temper.a.result.x.2.3"];
  // Another name of a place would count its result twice.
  for (const other of [...others, "temper.a.result.1.02.3"]) assert.equal(resultIdOf(other), null);
});
