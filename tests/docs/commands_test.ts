import assert from "node:assert/strict";
import { existsSync } from "node:fs";
import { dirname, join, relative } from "node:path";
import { fileURLToPath } from "node:url";
import settings from "../../deno.json" with { type: "json" };
import { commandsOf } from "../../scripts/check_readme.ts";
import { call } from "../cli/temper.ts";

const ROOT = fileURLToPath(new URL("../..", import.meta.url));

/** Pages that people write; docs/cli.md and docs/api.md are made from the code. */
const pages = [
  ...[
    "README.md",
    "CHANGELOG.md",
    "CONTRIBUTING.md",
    "bench/RESULTS.md",
    "examples/README.md",
    "deploy/README.md",
  ],
  ...Array.from(Deno.readDirSync(join(ROOT, "docs")), ({ name }) => `docs/${name}`)
    .filter((path) => path.endsWith(".md") && !/\/(cli|api)\.md$/.test(path)).sort(),
];
const textOf = (page: string) => Deno.readTextFileSync(join(ROOT, page));

/** Commands of a shell line: parts of pipes, without variables before them and redirections. */
function partsOf(line: string): string[][] {
  const words = [...line.matchAll(/'[^']*'|"[^"]*"|\$\([^)]*\)|[^\s'"]+/g)].map(([word]) => word);
  const parts: string[][] = [[]];
  for (const word of words) {
    if (word === "|") parts.push([]);
    else parts.at(-1)!.push(word);
  }
  return parts.map((part) => {
    const redirected = part.findIndex((word) => /^\d?[<>]/.test(word));
    const kept = redirected < 0 ? part : part.slice(0, redirected);
    const first = kept.findIndex((word) => !/^[A-Z_]+=/.test(word));
    return kept.slice(first).map((word) => word.replace(/^(['"])(.*)\1$/s, "$2"));
  });
}

/** Arguments of Temper's command line in a command, or null for another program. */
function argumentsOf(words: readonly string[]): string[] | null {
  if (words[0] === "temper") return words.slice(1);
  const at = words[0] === "deno" && words[1] === "run" ? words.indexOf("cli.ts") : -1;
  return at < 0 ? null : words.slice(at + 1);
}

/** A command of a page; one in the middle of a sentence may be without its arguments. */
interface Command {
  page: string;
  words: string[];
  isMention: boolean;
}

const commands = pages.flatMap((page): Command[] => {
  const text = textOf(page);
  const blocks = commandsOf(text.replace(/^```sh ignore$/gm, "```sh"));
  const mentions = text.replace(/^```[\s\S]*?^```/gm, "").matchAll(
    /`((?:temper|deno run) [^`]+)`/g,
  );
  const command = (isMention: boolean) => (line: string) =>
    partsOf(line).map((words) => ({ page, words, isMention }));
  return [
    ...blocks.flatMap(command(false)),
    ...Array.from(mentions, ([, line]) => line.replace(/\n/g, " ")).flatMap(command(true)),
  ];
});

Deno.test("commands in the docs: every one of temper's has known options and values", async () => {
  const wrong: string[] = [];
  let tried = 0;
  for (const { page, words, isMention } of commands) {
    const args = argumentsOf(words);
    // `completion` prints a script, for any shell.
    if (args === null || args[0] === "completion") continue;
    tried++;
    // It parses the command line and runs nothing.
    const command = args[0] === "permissions" ? args.slice(1) : args;
    const { code, stderr } = await call(["permissions", ...command]);
    // The files that a command names need not be there.
    const isWrong = isMention ? /there is no command [a-z]|has no option/.test(stderr) : code > 1;
    if (isWrong) wrong.push(`${page}: ${words.join(" ")}: ${stderr.trim()}`);
  }
  assert.deepEqual(wrong, []);
  assert.ok(tried > 60, `${tried}`);
});

Deno.test("commands in the docs: tasks, scripts and tests are there", () => {
  const missing: string[] = [];
  for (const page of pages) {
    const text = textOf(page);
    for (const [, name] of text.matchAll(/\bdeno task ([a-z][a-z:-]*)/g)) {
      if (!Object.hasOwn(settings.tasks, name)) missing.push(`${page}: deno task ${name}`);
    }
    for (const [command, path] of text.matchAll(/\bdeno (?:run|test) -A (\w[\w./-]*)/g)) {
      if (!existsSync(join(ROOT, path))) missing.push(`${page}: ${command}`);
    }
  }
  assert.deepEqual(missing, []);
});

Deno.test("docs: every option that is named is an option", () => {
  const known = new Set(textOf("docs/cli.md").match(/--[a-z][a-z\d-]*/g));
  const others = [
    ...["--check", "--build", "--no-lock", "--allow-ffi", "--no-prompt", "--help", "--here"],
    // Of the kit for GPUs, benches, examples, and other programs.
    ...["--minutes", "--only", "--peak-tflops", "--seeds", "--reward-steps", "--shards"],
    ...["--gpus", "--jetstream", "--store", "--scale", "--v8-flags", "--expose-gc", "--sync"],
    ...["--install", "--values", "--replicas"],
  ];
  // The benches of the measurements have options of their own.
  const wrong = pages.filter((page) => page !== "bench/RESULTS.md").flatMap((page) =>
    Array.from(textOf(page).matchAll(/(?<![\w-])--[a-z][a-z\d-]*/g), ([flag]) => flag)
      .filter((flag) =>
        !known.has(flag) && !others.some((other) => flag === other || flag.startsWith(`${other}-`))
      ).map((flag) => `${page}: ${flag}`)
  );
  assert.deepEqual(wrong, []);
});

/** Anchor of a heading, as GitHub makes it. */
function anchorOf(heading: string): string {
  return heading.trim().toLowerCase().replace(/\[([^\]]*)\]\([^)]*\)/g, "$1")
    .replace(/[^\p{L}\p{N}\s_-]/gu, "").replace(/\s/g, "-");
}

Deno.test("docs: every link leads to a file and a heading that are there", () => {
  const broken: string[] = [];
  for (const page of pages) {
    for (const [, link] of textOf(page).matchAll(/\]\((?!https?:)([^)\s]+)\)/g)) {
      const [path, anchor] = link.split("#");
      const file = path === "" ? join(ROOT, page) : join(ROOT, dirname(page), path);
      if (!existsSync(file)) broken.push(`${page}: ${link}`);
      else if (anchor !== undefined) {
        const headings = textOf(relative(ROOT, file)).matchAll(/^#+ (.*)$/gm);
        if (!Array.from(headings, ([, heading]) => anchorOf(heading)).includes(anchor)) {
          broken.push(`${page}: ${link}`);
        }
      }
    }
  }
  assert.deepEqual(broken, []);
});

Deno.test("docs: README leads to every page", () => {
  const readme = textOf("README.md");
  const missing = pages.filter((page) => page.startsWith("docs/") && !readme.includes(page));
  assert.deepEqual(missing, []);
});

Deno.test("docs/troubleshooting.md quotes messages as they are printed", () => {
  const texts = ["lib", "kernels", "web"].flatMap((folder) => [...sources(join(ROOT, folder))])
    .map((path) => Deno.readTextFileSync(path)).join("\n").replace(/["`] \+\s*["`]/g, "");
  const page = textOf("docs/troubleshooting.md");
  const quoted = [...page.matchAll(/^\| ("[^|]*")/gm)]
    .flatMap(([, cell]) => [...cell.matchAll(/"([^"]+)"/g)].map(([, text]) => text));
  assert.ok(quoted.length > 25, `${quoted.length}`);
  assert.deepEqual(quoted.filter((text) => !texts.includes(text)), []);
});

/** TypeScript files of a folder. */
function* sources(folder: string): Generator<string> {
  for (const { name, isDirectory } of Deno.readDirSync(folder)) {
    const path = join(folder, name);
    if (isDirectory) yield* sources(path);
    else if (/\.tsx?$/.test(name)) yield path;
  }
}
