/**
 * Builds what can be read off the code: docs/cli.md, docs/api.md and examples/detox.ipynb.
 *
 * deno task build:docs            write the files
 * deno task build:docs --check    fail when a committed file differs from the code
 */
import { join } from "node:path";
import { pathToFileURL } from "node:url";
import { formatted, writeOrCheck } from "./generated_files.ts";
import { ROOT, run } from "./program.ts";
import { notebookOf } from "./notebook.ts";

const ENVIRONMENT = { NO_COLOR: "1", COLUMNS: "100" };

/** What `temper … --help` prints. */
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
    const inner = name === "bench" || name === "runs" ? namesIn(await help([name])) : [];
    return inner.length === 0 ? [[name]] : inner.map((command) => [name, command]);
  });
  return (await Promise.all(nested)).flat();
}

async function cliReference(): Promise<string> {
  const commands = await commandLines();
  const sections = await Promise.all(
    commands.map(async (words) =>
      `## temper ${words.join(" ")}\n\n\`\`\`text\n${await help(words)}\n\`\`\`\n`
    ),
  );
  return "# The command line\n\nMade by `deno task build:docs` from what `--help` prints.\n\n" +
    sections.join("\n");
}

interface Declaration {
  kind: string;
  location: { filename: string };
  jsDoc?: { doc?: string };
}

async function apiReference(): Promise<string> {
  const json = await run(ROOT, Deno.execPath(), ["doc", "--json", "mod.ts"]);
  const [module] = Object.values(JSON.parse(json).nodes) as {
    symbols: { name: string; declarations: Declaration[] }[];
  }[];
  const lines = new Map<string, string[]>();
  const symbols = module.symbols.toSorted((a, b) => a.name < b.name ? -1 : 1);
  for (const { name, declarations: [{ kind, location, jsDoc }] } of symbols) {
    const path = location.filename.slice(pathToFileURL(ROOT).href.length);
    const [summary] = (jsDoc?.doc ?? "").trim().split(/\n\s*\n/);
    const text = summary.replace(/\s+/g, " ").replace(/\{@linkcode (\w+)\}/g, "`$1`");
    const line = `- [\`${name}\`](../${path}), ${KINDS[kind] ?? kind}: ${text}`;
    const room = path.split("/").slice(0, 2).join("/");
    lines.set(room, [...lines.get(room) ?? [], line]);
  }
  return "# The API\n\nWhat [`mod.ts`](../mod.ts) exports, by the folder that it is from; made by " +
    "`deno task build:docs`. `deno doc mod.ts` prints all of it, with parameters and errors, and " +
    "`deno doc mod.ts NAME` one thing.\n\n" +
    [...lines].sort(([a], [b]) => a < b ? -1 : 1)
      .map(([room, text]) => `## ${room}\n\n${text.join("\n")}\n`).join("\n");
}

const KINDS: Readonly<Record<string, string>> = { typeAlias: "type", variable: "constant" };

const example = await Deno.readTextFile(join(ROOT, "examples/detox.ts"));
await writeOrCheck({
  "docs/cli.md": await formatted(await cliReference(), "md"),
  "docs/api.md": await formatted(await apiReference(), "md"),
  "examples/detox.ipynb": notebookOf(example),
}, "build:docs");
