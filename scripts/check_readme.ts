/**
 * Runs every command of README.md as it stands, as a newcomer would see it: under a pseudo-terminal
 * of 80 columns, where nobody answers. Each must end by itself and ask for nothing. Left out are
 * those that install something; those that need the Hub must end in one line without it.
 *
 * deno task check:readme
 */
import { dirname, join } from "node:path";
import { ROOT } from "./program.ts";
import { plainText, runInTerminal, type TerminalOutcome } from "./pseudo_terminal.ts";

/** Marks of commands that are not run, with the reasons. */
const SKIPPED: readonly (readonly [RegExp, string])[] = [
  [/\bgit clone\b|\bnpm install\b/, "it needs the network"],
  [/^deno task test\b/, "CI runs it by itself"],
];

/** Mark of a command that is an error without a network. */
const NEEDS_HUB = /google\/|facebook\/|\bme\//;

/** Seconds that a command may take: the longest takes less than one minute on two idle cores. */
const SECONDS = 600;

/** The commands of a Markdown text's `sh` blocks, comments left out. */
export function commandsOf(text: string): string[] {
  const blocks = [...text.matchAll(/^```sh\n([\s\S]*?)^```/gm)].map(([, block]) => block);
  return blocks.join("\n").replace(/\\\n\s*/g, "").split("\n")
    .map((line) => line.replace(/(^|\s)#.*$/, "").trim()).filter((line) => line !== "");
}

/** Says what is wrong with how a command ended; null where it ended as it should. */
export function complaint(
  { code, killed, output }: TerminalOutcome,
  { needsHub }: { needsHub: boolean },
): string | null {
  if (killed === "prompt") return "it asks for a permission";
  if (killed === "timeout") return "it does not end by itself";
  if (!needsHub) return code === 0 ? null : `exit code ${code}`;
  const lines = plainText(output).trim().split(/\r?\n/);
  return code === 1 && lines.length === 1 && lines[0].startsWith("error: ")
    ? null
    : `exit code ${code} without the Hub: expected one line, with exit code 1`;
}

if (import.meta.main) {
  // The `deno` that runs this is the one that the commands find.
  const path = `${dirname(Deno.execPath())}:${Deno.env.get("PATH")}`;
  let failed = false;
  for (const command of commandsOf(await Deno.readTextFile(join(ROOT, "README.md")))) {
    const why = SKIPPED.find(([pattern]) => pattern.test(command))?.[1];
    if (why) {
      console.log(`skipped  ${command}: ${why}`);
      continue;
    }
    const began = performance.now();
    const needsHub = NEEDS_HUB.test(command);
    const outcome = await runInTerminal(command, {
      cwd: ROOT,
      env: { PATH: path, ...(needsHub ? { HF_HUB_OFFLINE: "1" } : {}) },
      seconds: SECONDS,
    });
    const wrong = complaint(outcome, { needsHub });
    const seconds = ((performance.now() - began) / 1000).toFixed(1);
    console.log(`${wrong === null ? "ok      " : "failed  "} ${command} (${seconds} s)`);
    if (wrong !== null) console.error(`${wrong}\n${outcome.output}`);
    failed ||= wrong !== null;
  }
  if (failed) Deno.exit(1);
}
