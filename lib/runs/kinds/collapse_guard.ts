import { TrainingDivergedError } from "../../errors.ts";
import { mean } from "../../training/moments.ts";
import { predict } from "../../training/token_pass.ts";
import type { TokenModel } from "../../training/token_model.ts";
import type { TokenRow } from "../../training/token_rows.ts";

/** Maximum number of rows that are read again: the check is to cost little beside a step. */
const ROWS = 8;

/**
 * Steps that one check serves, if it finds little movement: Adam's next update is at most a few times
 * as large as the last one at the same learning rate, (1 - β₁) / √(1 - β₂) times the rate or about 3.
 */
const STEPS_PER_CHECK = 16;

/** Share of the bound up to which a step counts as little movement. */
const CALM = 0.1;

/** Numbers that a step moves, such as the likelihood of its responses. */
export interface Watched {
  /** The numbers before the step, where they are known; default: computed. */
  readonly before?: readonly number[];
  /** Computes the numbers for the model as it is. */
  now(): Promise<readonly number[]>;
}

/** Bound on the movement of a step. */
export interface MovementBound {
  /** Largest movement of a healthy step. */
  readonly limit: number;
  /** Movement of one number; only its largest values are beyond the limit. */
  movement(before: number, after: number): number;
  /** Describes a movement for people: "the policy has collapsed: step 3 moved it by 7 nats a token …". */
  message(step: number, moved: string): string;
}

/**
 * Recognizes a step that has broken a model: numbers that the step moves are compared before and
 * after it. Most steps are not checked: one that moved the model little vouches for those after it.
 */
export class CollapseGuard {
  /** Steps that are vouched for, and the highest learning rate at which they are. */
  #vouched = { steps: 0, learningRate: 0 };

  /** Knows nothing yet: the next step is checked. */
  constructor(private readonly bound: MovementBound) {}

  /**
   * Makes a step, and checks it if it has to be.
   *
   * @param step its number, for the message
   * @throws {TrainingDivergedError} when the median movement is beyond the bound, or not a number
   */
  async watch<T>(
    step: number,
    learningRate: number,
    watched: Watched,
    make: () => Promise<T>,
  ): Promise<T> {
    const { steps } = this.#vouched;
    if (steps > 0 && learningRate <= this.#vouched.learningRate) {
      this.#vouched.steps--;
      return await make();
    }
    this.#vouched.steps = 0;
    const before = watched.before ?? await watched.now();
    const result = await make();
    const after = before.length > 0 ? await watched.now() : [];
    this.#check(step, learningRate, before, after);
    return result;
  }

  #check(
    step: number,
    learningRate: number,
    before: readonly number[],
    after: readonly number[],
  ): void {
    if (before.length === 0) return;
    const { limit, movement, message } = this.bound;
    const movements = before.map((value, i) => movement(value, after[i])).sort((a, b) => a - b);
    // The median, since a step may rightly make one bad response very unlikely. A sum with what is
    // not a number is not one.
    const sum = movements.reduce((a, b) => a + b);
    const moved = Number.isNaN(sum) ? NaN : movements[movements.length >> 1];
    if (!(moved <= limit)) {
      throw new TrainingDivergedError(message(step, moved.toPrecision(3)));
    }
    const largest = Math.max(...before.map((value, i) => Math.abs(value - after[i])));
    // A step without any movement, such as the first of a warm-up, says nothing about the next.
    if (largest > 0 && largest <= CALM * limit) {
      this.#vouched = { steps: STEPS_PER_CHECK - 1, learningRate };
    }
  }
}

/**
 * Guard of a policy or a model of texts: the median response may become less likely by so many nats
 * a token in a step.
 *
 * @param what "policy", "model"
 */
export function likelihoodGuard(what: string, maxTokenKl: number): CollapseGuard {
  return new CollapseGuard({
    limit: maxTokenKl,
    movement: (before, after) => before - after,
    message: (step, moved) => {
      const how = Number.isFinite(Number(moved))
        ? `moved it by ${moved} nats a token, \`maxTokenKl\` is ${maxTokenKl}`
        : "left it without finite log-probabilities";
      return `the ${what} has collapsed: step ${step} ${how}: try a lower \`learningRate\``;
    },
  });
}

/** Some of a step's rows, evenly spread. */
export function someOf<T>(rows: readonly T[]): T[] {
  const count = Math.min(ROWS, rows.length);
  return Array.from({ length: count }, (_, i) => rows[Math.floor(i * rows.length / count)]);
}

/** Mean log-probability of each row's counted tokens, in nats. */
export async function likelihoods(
  model: TokenModel,
  rows: readonly TokenRow[],
): Promise<number[]> {
  if (rows.length === 0) return [];
  return (await predict(model, rows)).map(({ logprobs }) => mean(logprobs));
}
