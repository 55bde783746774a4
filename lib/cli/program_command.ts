import { relative } from "node:path";
import { fileURLToPath } from "node:url";

/** Environment variable in which the launcher of an executable says how it was called. */
const PROGRAM_VARIABLE = "TEMPER_PROGRAM";

/**
 * Command that starts the command line the way the user has it: the executable, or
 * `deno run -A` with the path or the address of `cli.ts`; `temper` where it is called from another
 * program.
 */
export function programCommand(): string {
  const permission = { name: "env", variable: PROGRAM_VARIABLE } as const;
  const launched = Deno.permissions.querySync(permission).state === "granted"
    ? Deno.env.get(PROGRAM_VARIABLE)
    : undefined;
  if (launched) return shellWord(launched);
  if (Deno.build.standalone) return shellWord(Deno.execPath());
  const { mainModule } = Deno;
  if (!/\bcli(\.[jt]s)?$/.test(mainModule)) return "temper";
  if (!mainModule.startsWith("file:")) return `deno run -A ${shellWord(mainModule)}`;
  const path = fileURLToPath(mainModule);
  const near = relative(Deno.cwd(), path);
  return `deno run -A ${shellWord(near.startsWith("..") ? path : near)}`;
}

/** A text as one word of a POSIX shell, in quotes only where it needs them. */
export function shellWord(text: string): string {
  return /^[\w@%+=:,./-]+$/.test(text) ? text : `'${text.replaceAll("'", `'\\''`)}'`;
}
