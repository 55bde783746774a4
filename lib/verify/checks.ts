import { equalOne, equalPredictions, equalRow } from "../doctor/bit_equality.ts";
import { generate, type Generated } from "../generation/generate.ts";
import type { GenerationConfig } from "../generation/generation_config.ts";
import { predict, type RowPredictions } from "../training/token_pass.ts";
import { responseRow, type TokenRow } from "../training/token_rows.ts";
import { continuesExactly } from "./resume_check.ts";
import { ppoTrainer, promptOfEach, randomPolicy, REPEATS, type Subject } from "./subject.ts";

/** A promise of the project, and how it is put to the test. */
export interface PromiseCheck {
  /** Name for people. */
  readonly name: string;
  /** Tests it. @returns the facts that were compared @throws Error saying what differs */
  run(subject: Subject): Promise<string>;
}

/** Settings of the responses. */
function sampling({ newTokens }: Subject): GenerationConfig {
  return {
    maxNewTokens: newTokens,
    minNewTokens: Math.min(4, newTokens),
    doSample: true,
    seed: 7,
    numReturnSequences: REPEATS,
  };
}

/** Checks on one device, in order. */
export const PROMISES: readonly PromiseCheck[] = [
  {
    name: "decoding = training pass",
    async run(subject) {
      const responses = await respond(subject);
      const predictions = await predict(subject.policy, rowsOf(subject, responses));
      const tokens = equalPredictions(responses, predictions, "a pass over the response");
      return `log-probabilities and values of ${tokens} tokens`;
    },
  },
  {
    name: "ratio before the first update",
    async run(subject) {
      const policy = randomPolicy(subject.policy);
      const queries = promptOfEach(subject);
      const trainer = ppoTrainer(policy, queries.length);
      try {
        const rollouts = await trainer.generate(queries, {
          ...sampling(subject),
          numReturnSequences: 1,
        });
        const scores = queries.map((_, row) => row % 2 === 0 ? 1 : -1);
        const responses = rollouts.map(({ tokens }) => tokens);
        const stats = await trainer.step(queries, responses, scores, rollouts);
        return `exactly 1 for ${equalOne(stats["ppo/policy/ratio"])} tokens`;
      } finally {
        trainer.dispose();
        policy.parameters.dispose();
      }
    },
  },
  {
    name: "independence from the batch",
    async run(subject) {
      const together = await respond(subject);
      const queries = promptOfEach(subject);
      const alone: Generated[] = [];
      for (const [row, query] of queries.entries()) {
        const config = { ...sampling(subject), numReturnSequences: 1, firstRollout: row };
        alone.push(...await generate(subject.policy.model, [query], config, reported(subject)));
      }
      const tokens = equalResponses(together, alone, "generated alone");
      return `${together.length} responses together and alone: ${tokens} tokens`;
    },
  },
  {
    name: "independence from grouping",
    async run(subject) {
      const rows = rowsOf(subject, await respond(subject));
      const together = await predict(subject.policy, rows);
      const reversed = (await predict(subject.policy, rows.toReversed())).toReversed();
      const alone: RowPredictions[] = [];
      for (const row of rows) alone.push(...await predict(subject.policy, [row]));
      let tokens = 0;
      for (const [others, how] of [[reversed, "in another order"], [alone, "alone"]] as const) {
        tokens = rows.reduce(
          (sum, _, row) => sum + equalRow(together[row], others[row], row, how),
          0,
        );
      }
      return `${tokens} tokens with shared prompts, in another order and alone`;
    },
  },
  {
    name: "same seed, same response",
    async run(subject) {
      const [first, second] = [await respond(subject), await respond(subject)];
      return `${equalResponses(first, second, "generated again")} tokens`;
    },
  },
  { name: "resumed = uninterrupted", run: continuesExactly },
];

/** Tokens that a subject's policy draws: the same on every device. */
export async function drawnTokens(subject: Subject): Promise<number[][]> {
  return (await respond(subject)).map(({ tokens }) => tokens);
}

function reported({ policy: { adapter, valueHead } }: Subject) {
  return { adapter, valueHead, logprobs: true };
}

async function respond(subject: Subject): Promise<Generated[]> {
  return await generate(
    subject.policy.model,
    subject.prompts,
    sampling(subject),
    reported(subject),
  );
}

function rowsOf(subject: Subject, responses: readonly Generated[]): TokenRow[] {
  return promptOfEach(subject).map((query, row) =>
    responseRow(subject.policy.model, query, responses[row].tokens)
  );
}

function equalResponses(
  a: readonly Generated[],
  b: readonly Generated[],
  how: string,
): number {
  a.forEach(({ tokens }, row) => {
    if (tokens.join() !== b[row].tokens.join()) {
      throw new Error(`response ${row} is another one when ${how}`);
    }
  });
  const predictions = b.map(({ logprobs, values }) => ({
    logprobs: Float32Array.from(logprobs!),
    values: Float32Array.from(values!),
  }));
  return equalPredictions(a, predictions, how);
}
