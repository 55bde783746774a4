import { UserError } from "../errors.ts";

/** Commands of the algorithms that `train --algorithm` names, as TRL's scripts are called. */
const COMMANDS: Readonly<Record<string, string>> = {
  ppo: "train",
  grpo: "grpo",
  rloo: "rloo",
  dpo: "dpo",
  orpo: "orpo",
  kto: "kto",
  reward: "reward",
};

/**
 * Words of a command line with `train --algorithm NAME` as the algorithm's own command.
 *
 * @throws {UserError} when there is no such algorithm
 */
export function withAlgorithm(args: readonly string[]): readonly string[] {
  if (args[0] !== "train") return args;
  const at = args.findIndex((word) => word === "--algorithm" || word.startsWith("--algorithm="));
  if (at < 0) return args;
  const [, joined] = args[at].split("=", 2);
  const name = joined ?? args[at + 1] ?? "";
  const rest = args.toSpliced(at, joined === undefined ? 2 : 1).slice(1);
  const command = Object.hasOwn(COMMANDS, name) ? COMMANDS[name] : null;
  if (command !== null) return [command, ...rest];
  throw new UserError(
    `--algorithm is ${JSON.stringify(name)}: expected one of ${Object.keys(COMMANDS).join(", ")}`,
    { exitCode: 2 },
  );
}
