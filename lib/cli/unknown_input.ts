import { extractOptionNames, type Usage } from "@optique/core/usage";
import { nearestName } from "../settings/names.ts";
import { programCommand } from "./program_command.ts";

/** Command that the words of a command line name. */
export interface NamedCommand {
  /** Its words: `bench ppo`; empty where they name none. */
  readonly name: string;
  /** Its own usage, without that of other commands. */
  readonly usage: Usage;
  /** Commands below it: `ppo` and `matmul`. */
  readonly commands: readonly string[];
}

/**
 * Finds the command that the first words of a command line name.
 *
 * @param usage of all commands
 */
export function namedCommand(usage: Usage, words: readonly string[]): NamedCommand {
  const below = commandsBelow(usage);
  const found = below.find(({ name }) => name === words[0]);
  if (!found) {
    // The options of the commands below are not the command's own.
    const own = usage.filter(({ type }) => type !== "exclusive");
    return { name: "", usage: own, commands: below.map(({ name }) => name) };
  }
  const { name, ...rest } = namedCommand(found.terms, words.slice(1));
  return { name: [found.name, name].filter(Boolean).join(" "), ...rest };
}

/** Commands with their usages; alternatives of alternatives are alternatives. */
function commandsBelow(usage: Usage): { name: string; terms: Usage }[] {
  return usage.flatMap((term) =>
    term.type !== "exclusive" ? [] : term.terms.flatMap((terms) => {
      const [first] = terms;
      return first?.type === "command" ? [{ name: first.name, terms }] : commandsBelow(terms);
    })
  );
}

/**
 * Says that a command does not know an option or an argument, with the name that was probably meant
 * among those that it does know.
 *
 * @param usage of all commands
 * @param args the command line
 * @param token option or argument that is not known
 */
export function unknownInput(usage: Usage, args: readonly string[], token: string): string {
  const command = namedCommand(usage, args);
  const [name] = token.split("=");
  const help = [programCommand(), command.name, "--help"].filter(Boolean).join(" ");
  const isOption = token.startsWith("-");
  const known = isOption ? [...extractOptionNames(command.usage)] : command.commands;
  const nearest = nearestName(name, known);
  const advice = nearest ? `did you mean ${nearest}?` : `see ${help}`;
  if (isOption) return `${command.name || "temper"} has no option ${name}: ${advice}`;
  if (known.length > 0) {
    return `there is no command ${[command.name, name].join(" ").trim()}: ${advice}`;
  }
  return `${command.name} does not take ${JSON.stringify(token)}: ${advice}`;
}
