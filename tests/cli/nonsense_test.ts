/** Rewards and preferences that make no sense: each is one line that helps, or what the docs say of it. */
import assert from "node:assert/strict";
import { join } from "node:path";
import { readRows } from "../../lib/runs/folder/jsonl.ts";
import { call, type Outcome, withFolder } from "./temper.ts";

const GROUPS =
  "--steps 1 --batch-size 4 --mini-batch-size 4 --num-generations 2 --eval-samples 2 " +
  "--max-completion-length 2 --device wasm --no-progress";
const PAIRS = "--steps 1 --batch-size 2 --eval-samples 2 --device wasm --no-progress";
const CHAT = `${PAIRS} --model demo/tiny-chat --eval-prompts 1 --eval-max-new-tokens 2`;

/** Calls a command on a file with this content, and hands over what it wrote of a run. */
async function callWith(
  command: string,
  [file, text]: readonly [name: string, text: string],
  check: (outcome: Outcome, run: string, isWritten: boolean) => void | Promise<void>,
): Promise<void> {
  await withFolder(async (folder) => {
    const path = join(folder, file);
    await Deno.writeTextFile(path, text);
    const run = join(folder, "run");
    const args = [...command.replace("FILE", path).split(" "), "--output", run];
    const outcome = await call(args);
    await check(outcome, run, await Deno.stat(run).then(() => true, () => false));
  });
}

/** Bodies of reward scripts that a run refuses before it has written anything. */
const FAULTY: Record<string, readonly [body: string, says: RegExp]> = {
  "throws": ["{ throw new Error('no key') }", /threw on a batch of 2 samples: no key \(.*:1\)$/],
  "rejects": ["Promise.reject('no key')", /threw on a batch of 2 samples: no key$/],
  "too few": ["[1]", /returned 1 score for 2 samples; it must return one number per sample/],
  "too many": ["[1, 2, 3]", /returned 3 scores for 2 samples; it must/],
  "no list": ["1", /returned 1; it must return an array of 2 numbers, one per sample$/],
  "nothing": ["{}", /returned undefined; it must return an array of 2 numbers/],
  "NaN": [
    "[1, NaN]",
    /returned NaN for sample 1 .*must be a finite number, or null for no reward$/,
  ],
  "infinity": ["[-Infinity, 1]", /returned -Infinity for sample 0 /],
  "a text": ["['1', 1]", /returned the string "1" for sample 0 /],
  "a hole": ["[, 1]", /returned undefined for sample 0 /],
};

for (const [name, [body, says]] of Object.entries(FAULTY)) {
  const script = ["bad.ts", `export default (samples) => ${body};`] as const;
  Deno.test(`grpo with a reward that returns nonsense is one line: ${name}`, () =>
    callWith(`grpo ${GROUPS} --reward FILE`, script, ({ code, stderr }, _, isWritten) => {
      assert.deepEqual([code, isWritten], [1, false]);
      assert.match(stderr, /^error: the reward bad\.ts [^\n]*\n$/);
      assert.match(stderr.trim(), says);
    }));
}

Deno.test("a faulty reward to measure with is one line before a run of dpo begins", () =>
  callWith(
    `dpo ${PAIRS} --eval-reward FILE`,
    ["bad.ts", "export default (samples) => { throw new Error('no key') };"],
    ({ code, stderr }, _, isWritten) => {
      assert.deepEqual([code, isWritten], [1, false]);
      assert.match(
        stderr,
        /^error: the reward bad\.ts threw on a batch of 2 samples: no key .*\n$/,
      );
    },
  ));

Deno.test("rewards to measure dpo with read the dataset's columns, and miss them before it begins", async () => {
  const rows = (column: string) =>
    [1, 2, 3, 4].map((i) =>
      JSON.stringify({ prompt: `${i}?`, chosen: "a", rejected: "b", [column]: "7" }) + "\n"
    ).join("");
  await callWith(
    `dpo ${CHAT} --dataset FILE --eval-reward number`,
    ["a.jsonl", rows("other")],
    ({ code, stderr }, _, isWritten) => {
      assert.deepEqual([code, isWritten], [1, false]);
      assert.match(stderr, /^error: the reward number reads the right answers from answer or /);
    },
  );
  await callWith(
    `dpo ${CHAT} --dataset FILE --eval-reward number`,
    ["a.jsonl", rows("answer")],
    async ({ code, stderr }, run) => {
      assert.equal(code, 0, stderr);
      const summary = JSON.parse(await Deno.readTextFile(join(run, "summary.json")));
      assert.equal(summary.rewards.number.after.count, 1);
    },
  );
});

/** Bodies of rewards that are null, and the algorithm's answer. */
const NULLS = {
  grpo: /^error: every reward of the step is null: .* \(stopped in step 1, .*\n$/,
  rloo: /^error: every reward of response 0 is null: RLOO needs one for each response; .*\n$/,
};
for (const [kind, says] of Object.entries(NULLS)) {
  Deno.test(`${kind} without any reward is one line`, () =>
    callWith(
      `${kind} ${GROUPS} --reward FILE`,
      ["null.ts", "export default (samples) => samples.map(() => null);"],
      ({ code, stderr }) => {
        assert.equal(code, 1);
        assert.match(stderr, says);
      },
    ));
}

Deno.test("grpo leaves out what has no reward, and learns nothing from a group of one", () =>
  callWith(
    `grpo ${GROUPS} --reward FILE`,
    ["one.ts", "export default (samples) => samples.map((_, i) => i === 0 ? 1 : null);"],
    async ({ code, stderr }, run) => {
      assert.equal(code, 0, stderr);
      const [row] = await readRows<Record<string, number>>(join(run, "metrics.jsonl"));
      const { reward, reward_std, frac_reward_zero_std, grad_norm } = row;
      assert.deepEqual([reward, reward_std, frac_reward_zero_std, grad_norm], [1, 0, 1, 0]);
      const samples = await readRows<Record<string, unknown>>(join(run, "samples.jsonl"));
      assert.deepEqual(samples.map(({ reward }) => reward), [1, null, null, null]);
    },
  ));

for (const kind of ["grpo", "rloo"]) {
  Deno.test(`${kind} in groups of one is one line`, async () => {
    const ask = async (options: string) => {
      const { code, stderr } = await call([kind, ...options.split(" ")]);
      assert.ok(code > 0);
      return stderr;
    };
    assert.match(
      await ask("--num-generations 1"),
      /^error: --num-generations must be an integer of at least 2, found "?1"?\n$/,
    );
    assert.match(
      await ask("--num-generations 4 --batch-size 6"),
      /^error: --batch-size 6 is not divisible by --num-generations = 4: make it 4 or 8\n$/,
    );
  });
}

const message = (role: string, content: string) => ({ role, content });
const asked = (question: string, answer: string) => [
  message("user", question),
  message("assistant", answer),
];

/** Rows that are no preference, and what is said of them. */
const ROWS: Record<string, readonly [row: object, says: RegExp]> = {
  "equal sides": [
    { prompt: "a", chosen: "x", rejected: "x" },
    /has a preference; left out: \d \(both answers are the same\)$/,
  ],
  "equal conversations": [
    { chosen: asked("Hi", "yes"), rejected: asked("Hi", "yes") },
    /has a preference; left out: \d \(both answers are the same\)$/,
  ],
  "an empty side": [
    { prompt: "a", chosen: "x", rejected: " " },
    /has a preference; left out: \d \(an answer is empty\)$/,
  ],
  "no prompt": [
    { prompt: "", chosen: "x", rejected: "y" },
    /has a preference; left out: \d \(there is no prompt\)$/,
  ],
  "prompts that differ": [
    { chosen: "First? x", rejected: "Second? y" },
    /has a preference; left out: \d \(chosen and rejected have no prompt in common\)$/,
  ],
  "conversations that begin differently": [
    { chosen: asked("Hi", "yes"), rejected: asked("Ho", "no") },
    /has a preference; left out: \d \(chosen and rejected have no prompt in common\)$/,
  ],
  "a side that is missing": [{ prompt: "a", chosen: "x" }, /has no preferences: expected columns/],
  "a side that is null": [
    { prompt: "a", chosen: "x", rejected: null },
    /row 1: "rejected" is null, expected a text$/,
  ],
  "a side that is a number": [
    { prompt: "a", chosen: 1, rejected: 2 },
    /row 1: "chosen" is 1, expected a text$/,
  ],
};

for (const [name, [row, says]] of Object.entries(ROWS)) {
  const text = (JSON.stringify(row) + "\n").repeat(4);
  Deno.test(`dpo on preferences without sense is one line: ${name}`, () =>
    callWith(`dpo ${CHAT} --dataset FILE`, ["a.jsonl", text], ({ code, stderr }, _, isWritten) => {
      assert.deepEqual([code, isWritten], [1, false]);
      assert.match(stderr, /^error: [^\n]*a\.jsonl[^\n]*\n$/);
      assert.match(stderr.trim(), says);
    }));
}

Deno.test("rows without a preference among others are left out and counted, by dpo, kto and reward", async () => {
  const rows = [
    ...Array.from({ length: 8 }, (_, i) => ({
      prompt: `Is it ${i}?`,
      chosen: "yes",
      rejected: "no",
    })),
    { prompt: "a", chosen: "x", rejected: "x" },
    { prompt: "a", chosen: "", rejected: "x" },
  ];
  // The last fifth is the test split.
  const order = [...rows.slice(8), ...rows.slice(0, 8)];
  const file = ["a.jsonl", order.map((row) => JSON.stringify(row) + "\n").join("")] as const;
  for (const kind of ["dpo", "kto"]) {
    await callWith(`${kind} ${CHAT} --dataset FILE`, file, ({ code, stdout, stderr }) => {
      assert.equal(code, 0, stderr);
      assert.match(
        stdout,
        /^1 of \d rows of the train split left out: both answers are the same$/m,
      );
      assert.match(stdout, /^1 of \d rows of the train split left out: an answer is empty$/m);
    });
  }
  const reward = `reward ${PAIRS} --model demo/tiny-roberta-toxicity --dataset FILE`;
  await callWith(reward, file, ({ code, stdout, stderr }) => {
    assert.equal(code, 0, stderr);
    assert.match(
      stdout,
      /^pairs of the train split left out: 1 \(both answers are the same\), 1 \(an answer is empty\)$/m,
    );
  });
});

Deno.test("reward refuses pairs without sense, and margins that are no numbers, in one line", async () => {
  const reward = `reward ${PAIRS} --model demo/tiny-roberta-toxicity --dataset FILE`;
  const refused = (row: object, says: RegExp) =>
    callWith(
      reward,
      ["a.jsonl", (JSON.stringify(row) + "\n").repeat(4)],
      ({ code, stderr }, _, isWritten) => {
        assert.deepEqual([code, isWritten], [1, false]);
        assert.match(stderr, says);
      },
    );
  await refused(
    { prompt: "a", chosen: "x", rejected: "x" },
    /^error: .*a\.jsonl: no row of the \w+ split has a preference; left out: \d \(both answers are the same\)\n$/,
  );
  await refused(
    { prompt: "a", chosen: "x", rejected: "y", margin: "lots" },
    /^error: pair 1 of the train split: "margin" is "lots", expected a number\n$/,
  );
});
