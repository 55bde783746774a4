import type { Example } from "../../../data/dataset.ts";
import { UserError } from "../../../errors.ts";
import type { PromptBatches } from "../../loading/prompt_batches.ts";
import type { RolloutFleet } from "./rollout_fleet.ts";

/** Prompts of a step. */
export interface StepPrompts {
  /** Number of the step, from 1. */
  readonly step: number;
  readonly examples: Example[];
}

/**
 * Checks, before anything is loaded, that a run with stale rollouts has a fleet.
 *
 * @throws {UserError} when it has none
 */
export function checkStaleness(
  { config: { staleness }, fleet }: { config: { staleness: number }; fleet?: RolloutFleet },
): void {
  if (staleness === 0 || fleet) return;
  throw new UserError(
    `\`staleness\` ${staleness} is for runs with workers: give \`nats\` or \`workers\`, or leave it out`,
  );
}

/** Batches of prompts by step, where those of the next steps are needed as well. */
export class StepsAhead {
  /** Steps that are drawn and not taken, with the position before each. */
  #drawn: (StepPrompts & { readonly position: unknown })[] = [];

  /**
   * @param ahead number of steps after the current one whose prompts are needed
   * @param steps number of the last step
   */
  constructor(
    private readonly batches: Pick<PromptBatches, "next" | "position">,
    private readonly ahead: number,
    private readonly steps: number,
  ) {}

  /** Takes the prompts of a step. Returns them, and all steps that were drawn for that. */
  take(step: number): { examples: Example[]; drawn: StepPrompts[] } {
    const drawn: StepPrompts[] = [];
    const last = Math.max(step, Math.min(step + this.ahead, this.steps));
    for (let next = this.#drawn.at(-1)?.step ?? step - 1; next < last;) {
      const { position } = this.batches;
      const prompts = { step: ++next, examples: this.batches.next() };
      this.#drawn.push({ ...prompts, position });
      drawn.push(prompts);
    }
    return { examples: this.#drawn.shift()!.examples, drawn };
  }

  /** Position before the next step, a JSON value; set it to go on from there. */
  get position(): unknown {
    return this.#drawn[0]?.position ?? this.batches.position;
  }

  set position(position: unknown) {
    this.batches.position = position;
    this.#drawn = [];
  }
}
