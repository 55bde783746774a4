import { lineBreak, type Message, message, text, value } from "@optique/core/message";
import { type FluentParser, map, multiple, optional, withDefault } from "@optique/core/modifiers";
import { argument, option } from "@optique/core/primitives";
import type { Usage } from "@optique/core/usage";
import { string, type ValueParser } from "@optique/core/valueparser";
import { UserError } from "../errors.ts";
import { decodeUtf8 } from "../formats/utf8.ts";
import { programCommand } from "./program_command.ts";

/** `--json`: one JSON document on standard output instead of text. */
export function jsonOption(): FluentParser<"sync", boolean, unknown> {
  return option("--json", { description: message`Print JSON instead of text` });
}

/**
 * `--reward-allow-net HOST`: the hosts that scripts may reach. It is an option alone, not a setting
 * that a file can bring along, and only `permissions` reads it.
 */
export function rewardAllowNetOption(): FluentParser<
  "sync",
  readonly string[] | undefined,
  unknown
> {
  const host = option("--reward-allow-net", hostNames, {
    description:
      message`Hosts that reward scripts may reach, where the permissions are Temper's own: in the executable`,
  });
  return optional(map(multiple(host, { min: 1 }), (lists) => lists.flat()));
}

const hostNames: ValueParser<"sync", readonly string[]> = {
  mode: "sync",
  metavar: "HOST",
  placeholder: [],
  format: (hosts) => hosts.join(),
  parse(input) {
    const hosts = input.split(",");
    const isHost = (name: string) => /^(\*\.)?(\w[\w.-]*|\[[\da-f:.]+\])(:\d{1,5})?$/i.test(name);
    return hosts.every(isHost) ? { success: true, value: hosts } : {
      success: false,
      error: message`must be names of hosts, as api.example.com or 10.0.0.2:8080, found ${
        value(input)
      }`,
    };
  },
};

/** Gives an option a default, shown in the help as it is typed. */
export function preset<T>(
  parser: FluentParser<"sync", T, unknown>,
  initial: T & (string | number | boolean),
): FluentParser<"sync", T, unknown> {
  return withDefault(parser, initial as T, { message: message`${text(String(initial))}` });
}

/** Arguments: any number of texts. */
export function textArguments(
  description: string,
): FluentParser<"sync", readonly string[], unknown> {
  return multiple(
    argument(string({ metavar: "TEXT" }), { description: message`${text(description)}` }),
  );
}

/** Usage line that does not list the options one by one. */
export function usageLine(...operands: string[]): Usage {
  return ["[OPTIONS]", ...operands].map((value) => ({ type: "literal", value }));
}

/** Usage line of commands that have commands below them. */
export const COMMAND_USAGE: Usage = [{ type: "literal", value: "COMMAND" }, ...usageLine()];

/** End of their help. */
export function helpOfCommands(command: string): Message {
  return message`For the options of a command: ${text(`${programCommand()} ${command} --help`)}`;
}

/**
 * Examples for the end of a command's help: a title and a command line each, shown as the user has to
 * type it.
 */
export function examples(
  ...pairs: readonly (readonly [title: string, command: string])[]
): Message {
  const program = programCommand();
  return [
    text("Examples:"),
    ...pairs.flatMap(([title, command]) => [
      lineBreak(),
      text(`  ${title}:`),
      lineBreak(),
      text(`    ${command.replaceAll(/\btemper (?=[a-z])/g, `${program} `)}`),
    ]),
  ];
}

/** Paragraphs of a command's description. */
export function paragraphs(...texts: readonly string[]): Message {
  return [text(texts.join("\n\n"))];
}

/** The options that were given, without those that were not. */
export function given<T extends object>(options: T): T {
  return Object.fromEntries(
    Object.entries(options).filter(([, value]) => value !== undefined),
  ) as T;
}

/**
 * Reads standard input as UTF-8.
 *
 * @param wanted name of the expected contents, for the message when a person is at the keyboard
 * @throws {UserError} when there is nothing, or it is not UTF-8
 */
export async function readStandardInput(wanted: string): Promise<string> {
  const bytes = Deno.stdin.isTerminal()
    ? new Uint8Array()
    : await new Response(Deno.stdin.readable).bytes();
  const input = decodeUtf8("standard input", bytes);
  if (input.trim() === "") {
    throw new UserError(`no ${wanted} given: pass it as an argument or on standard input`, {
      exitCode: 2,
    });
  }
  return input;
}
