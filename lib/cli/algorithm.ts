import { UserError } from "../errors.ts";
import { runKinds } from "../runs/kinds/registry.ts";

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
  const kinds = runKinds().filter(({ command }) => command !== undefined);
  const command = kinds.find(({ kind }) => kind === name)?.command;
  if (command !== undefined) return [command, ...rest];
  const known = kinds.map(({ kind }) => kind).join(", ");
  throw new UserError(
    `--algorithm is ${JSON.stringify(name)}: expected one of ${known}`,
    { exitCode: 2 },
  );
}
