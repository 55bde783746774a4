import { z } from "../../packages/zod.ts";
import type { DatasetSplit, Example } from "../../data/dataset.ts";
import { UserError } from "../../errors.ts";
import { Random } from "../../random.ts";
import { randomState } from "../../training/trainer.ts";

const positionSchema = z.object({
  /** State of the generator at the start of the pass. */
  random: randomState,
  /** Rows drawn in the pass. */
  drawn: z.int().nonnegative(),
});

/** Position of {@linkcode PromptBatches}, for a checkpoint. */
export type PromptPosition = z.output<typeof positionSchema>;

/**
 * Draws batches of prompts: each prompt once in every pass over the split, in an order that is
 * new in each pass. What is left at the end of a pass is too few for a batch and left out, as
 * torch's `DataLoader(shuffle=True, drop_last=True)` does.
 */
export class PromptBatches {
  readonly #split: Pick<DatasetSplit, "length" | "example">;
  readonly #batchSize: number;
  readonly #random: Random;
  #passStart: number[] = [];
  #order: number[] = [];
  #drawn = 0;

  /** @throws {UserError} when the split has too few rows for one batch */
  constructor(split: Pick<DatasetSplit, "length" | "example">, batchSize: number, seed: number) {
    if (split.length < batchSize) {
      throw new UserError(
        `the train split has ${split.length} rows, too few for \`batchSize\` ${batchSize}: ` +
          "make it smaller, or give more rows",
      );
    }
    this.#split = split;
    this.#batchSize = batchSize;
    this.#random = new Random(seed);
    this.#startPass();
  }

  /** Draws the next batch; there is always one. */
  next(): Example[] {
    return this.nextRows().map((index) => this.#split.example(index));
  }

  /** Draws the next batch, as rows of the split. */
  nextRows(): number[] {
    if (this.#drawn + this.#batchSize > this.#order.length) this.#startPass();
    return this.#order.slice(this.#drawn, this.#drawn += this.#batchSize);
  }

  /**
   * Position of the drawing, a JSON value; set it to go on from there.
   *
   * @throws {UserError} when it is set to something else
   */
  get position(): unknown {
    return { random: this.#passStart, drawn: this.#drawn } satisfies PromptPosition;
  }

  set position(position: unknown) {
    const parsed = positionSchema.safeParse(position);
    if (!parsed.success) throw new UserError("the checkpoint has no position in the data");
    const { random, drawn } = parsed.data;
    this.#random.state = random;
    this.#startPass();
    this.#drawn = drawn;
  }

  #startPass(): void {
    this.#passStart = this.#random.state;
    const rows = Array.from({ length: this.#split.length }, (_, index) => index);
    this.#order = this.#random.shuffle(rows);
    this.#drawn = 0;
  }
}
