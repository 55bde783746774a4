import { UserError } from "../../errors.ts";
import { dpo } from "./dpo/kind.ts";
import { grpo } from "./grpo/kind.ts";
import { kto } from "./kto/kind.ts";
import { orpo } from "./orpo/kind.ts";
import { ppo } from "./ppo/kind.ts";
import { reward } from "./reward/kind.ts";
import { rloo } from "./rloo/kind.ts";
import type { RunKind } from "./run_kind.ts";
import { sft } from "./sft/kind.ts";

const kinds = new Map<string, RunKind>(
  [ppo, grpo, rloo, dpo, orpo, kto, sft, reward].map((kind: RunKind) => [kind.kind, kind]),
);

/** Kinds of runs, in the order of their registration. */
export function runKinds(): RunKind[] {
  return [...kinds.values()];
}

/** Finds a kind of run by its name. @throws {UserError} when there is none of that name */
export function runKind(name: string): RunKind {
  const kind = kinds.get(name);
  if (kind) return kind;
  throw new UserError(
    `there is no kind of run ${JSON.stringify(name)}: expected one of ${
      [...kinds.keys()].join(", ")
    }`,
  );
}

/** Kind of the runs that a subcommand of `temper` starts. */
export function kindOfCommand(command: string): RunKind {
  return runKinds().find((kind) => kind.command === command)!;
}

/** Adds a kind of run, in place of one of the same name. */
export function registerRunKind(kind: RunKind): void {
  kinds.set(kind.kind, kind);
}

/**
 * Finds the kind of a run by its `config.json`. One without `kind` is of an early version of Temper: of
 * supervised fine-tuning where it has a setting that only that had, else of PPO.
 *
 * @throws {UserError} when it names a kind that there is not
 */
export function kindOf(config: object): RunKind {
  const { kind } = config as { kind?: unknown };
  if (kind === undefined) return "maxTargetLength" in config ? sft : ppo;
  return runKind(typeof kind === "string" ? kind : JSON.stringify(kind));
}
