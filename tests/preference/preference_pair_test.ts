import assert from "node:assert/strict";
import { answerRow, truncateAnswer } from "../../lib/preference/preference_pair.ts";

const prompt = [1, 2, 3, 4];
const answer = [5, 6, 7];
const none = {
  maxLength: null,
  maxPromptLength: null,
  maxCompletionLength: null,
  truncationMode: "keep_end",
} as const;
const model = { firstInput: (prompt: readonly number[]) => prompt.at(-1)!, vocabSize: 50 };
const decoder = { ...model, taskType: "CAUSAL_LM" as const };

Deno.test("what fits is left as it is", () => {
  assert.deepEqual(truncateAnswer(prompt, answer, { ...none, maxLength: 7 }), { prompt, answer });
});

Deno.test("a prompt keeps its end, an answer its start", () => {
  const limits = { ...none, maxPromptLength: 2, maxCompletionLength: 2 };
  assert.deepEqual(truncateAnswer(prompt, answer, limits), { prompt: [3, 4], answer: [5, 6] });
});

Deno.test("beyond the maximum length tokens go from the front or from the back", () => {
  const at = (maxLength: number, truncationMode: "keep_start" | "keep_end") =>
    truncateAnswer(prompt, answer, { ...none, maxLength, truncationMode });
  assert.deepEqual(at(5, "keep_end"), { prompt: [3, 4], answer });
  assert.deepEqual(at(5, "keep_start"), { prompt, answer: [5] });
  // The first token of what is left has nothing before it that could predict it.
  assert.deepEqual(at(3, "keep_end"), { prompt: [5], answer: [6, 7] });
  assert.deepEqual(at(3, "keep_start"), { prompt: [1, 2, 3], answer: [] });
});

Deno.test("a row reads the prompt's last token first, and predicts the answer", () => {
  const { query, inputs, targets } = answerRow(decoder, prompt, answer, none, "it");
  assert.deepEqual([query, inputs, targets], [prompt, [4, 5, 6], answer]);
});

Deno.test("nothing to learn from is refused", () => {
  const limits = { ...none, maxLength: 3, truncationMode: "keep_start" } as const;
  assert.throws(() => answerRow(decoder, prompt, answer, limits, "it"), /nothing is left of it/);
  assert.throws(() => answerRow(decoder, prompt, [], none, "it"), /it is empty/);
  assert.throws(() => answerRow(decoder, [], answer, none, "it"), /the prompt of it is empty/);
  assert.throws(() => answerRow(decoder, [99], answer, none, "it"), /has the token 99/);
  // An encoder-decoder has no length of both together.
  const encoderDecoder = { ...model, taskType: "SEQ_2_SEQ_LM" as const };
  assert.deepEqual(answerRow(encoderDecoder, prompt, answer, limits, "it").targets, answer);
});
