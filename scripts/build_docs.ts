/**
 * Builds what can be read off the code: docs/cli.md, docs/api.md and the cells of
 * examples/detox.ipynb, whose outputs are those of `deno task build:notebook`.
 *
 * deno task build:docs            write the files
 * deno task build:docs --check    fail when a committed file differs from the code
 */
import { join } from "node:path";
import { apiReference } from "./api_reference.ts";
import { formatted, writeOrCheck } from "./generated_files.ts";
import { ROOT } from "./program.ts";
import { notebookOf, outputsFor } from "./notebook.ts";

const ENVIRONMENT = { NO_COLOR: "1", COLUMNS: "100", TEMPER_PROGRAM: "temper" };

/** Output of `temper … --help`. */
async function help(command: readonly string[]): Promise<string> {
  const { stdout } = await new Deno.Command(Deno.execPath(), {
    args: ["run", "-A", "cli.ts", ...command, "--help"],
    cwd: ROOT,
    env: ENVIRONMENT,
  }).output();
  return new TextDecoder().decode(stdout).trim().replace(/ +$/gm, "");
}

/** The commands and, of groups, their commands, in the order of the help. */
async function commandLines(): Promise<string[][]> {
  const namesIn = (text: string) => [...text.matchAll(/^ {2}([a-z]+) {2,}\S/gm)].map(([, n]) => n);
  const commands = namesIn(await help([])).filter((name) => !["help", "completion"].includes(name));
  const nested = commands.map(async (name) => {
    const inner = ["bench", "runs", "cluster"].includes(name) ? namesIn(await help([name])) : [];
    return inner.length === 0 ? [[name]] : inner.map((command) => [name, command]);
  });
  return (await Promise.all(nested)).flat();
}

async function cliReference(): Promise<string> {
  const commands = await commandLines();
  const sections = await Promise.all(
    [[], ...commands].map(async (words) =>
      `## ${["temper", ...words].join(" ")}\n\n\`\`\`text\n${await help(words)}\n\`\`\`\n`
    ),
  );
  return "# The command line\n\nMade by `deno task build:docs` from what `--help` prints.\n\n" +
    sections.join("\n");
}

const example = await Deno.readTextFile(join(ROOT, "examples/detox.ts"));
const notebook = await Deno.readTextFile(join(ROOT, "examples/detox.ipynb"));
await writeOrCheck({
  "docs/cli.md": await formatted(await cliReference(), "md"),
  "docs/api.md": await formatted(await apiReference(), "md"),
  "examples/detox.ipynb": notebookOf(example, outputsFor(example, notebook)),
}, "build:docs");
