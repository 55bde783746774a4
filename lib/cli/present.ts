import { OutOfMemoryError, type UserError } from "../errors.ts";
import { readJsonIfThere } from "../formats/hf_config.ts";
import { kindOf } from "../runs/kinds/registry.ts";
import type { RunKind } from "../runs/kinds/run_kind.ts";
import { optionName } from "./options_from_schema.ts";
import { programCommand, shellWord } from "./program_command.ts";

/** The command at hand, which decides what an error's advice can be. */
export interface CommandAtHand {
  /** Names of its options: `--batch-size`. */
  readonly options: ReadonlySet<string>;
  /** Path of its configuration file, where it was given one. */
  readonly config?: string;
  /** Name in the configuration file of each setting given there. */
  readonly inFile: ReadonlyMap<string, string>;
}

/** Remedies when memory runs out, each for the commands that have the option. */
const MEMORY_OPTIONS: readonly (readonly [option: string, advice: string])[] = [
  ["--mini-batch-size", "a smaller --mini-batch-size"],
  ["--mini", "a smaller --mini"],
  ["--batch-size", "a smaller --batch-size"],
  ["--batch", "a smaller --batch"],
  ["--activation-memory", "a limit with --activation-memory"],
  ["--dtype", "--dtype bf16"],
];

/**
 * A user's mistake as the line that the command line prints: settings are spelled as the user
 * spells them, with the advice that the command at hand has to give.
 */
export async function present(error: UserError, command: CommandAtHand): Promise<string> {
  let fromFile = false;
  const message = spellSettings(error.message, (setting) => {
    const key = command.inFile.get(setting);
    if (key !== undefined) {
      fromFile = true;
      return key;
    }
    const option = `--${optionName(setting)}`;
    return command.options.has(option) ? option : null;
  });
  const source = fromFile && !message.startsWith(`${command.config}: `)
    ? `${command.config}: `
    : "";
  const parts = [source + message];
  if (causes(error).some((cause) => cause instanceof OutOfMemoryError)) {
    parts.push(memoryAdvice(command.options));
  }
  const denied = causes(error).find((cause) => (cause as Error).name === "NotCapable");
  const host = /net access to "([^"]+)"/.exec((denied as Error | undefined)?.message ?? "")?.[1];
  if (host !== undefined && command.options.has("--reward-allow-net")) {
    parts.push(`for the executable, give --reward-allow-net ${host}`);
  }
  if (error.run !== null) parts.push(`to resume the run: ${await resumeCommand(error.run)}`);
  return parts.join("; ");
}

/** Spells settings in a text as options of the command of a kind of run. */
export function spellForCommand(
  message: string,
  { command, schema }: Pick<RunKind, "command" | "schema">,
): string {
  return spellSettings(
    message,
    (setting) =>
      command !== undefined && Object.hasOwn(schema.shape, setting)
        ? `--${optionName(setting)}`
        : null,
  );
}

/** Puts another spelling in place of each setting in backticks; null leaves it. */
function spellSettings(message: string, spell: (setting: string) => string | null): string {
  return message.replaceAll(
    /`([a-z][A-Za-z\d]*)`/g,
    (quoted, setting) => spell(setting) ?? quoted,
  );
}

/** Command that resumes a run. */
async function resumeCommand(run: string): Promise<string> {
  const config = await readJsonIfThere(run, "config.json").catch(() => null);
  const command = config === null ? "train" : kindOf(config).command ?? "train";
  return `${programCommand()} ${command} --resume ${shellWord(run)}`;
}

function memoryAdvice(options: ReadonlySet<string>): string {
  const helpful = MEMORY_OPTIONS.filter(([option]) => options.has(option))
    .map(([, advice]) => advice);
  const choices = [...helpful, "a smaller model"];
  const last = choices.pop();
  return `try ${choices.length > 0 ? `${choices.join(", ")} or ` : ""}${last}`;
}

/** An error and those that led to it. */
function causes(error: unknown): unknown[] {
  return error instanceof Error ? [error, ...causes(error.cause)] : [];
}
