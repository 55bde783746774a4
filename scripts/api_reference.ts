/** docs/api.md: the exports of mod.ts, first those that most programs need, with their signatures. */
import { pathToFileURL } from "node:url";
import { ROOT, run } from "./program.ts";

/** Names that most programs need, in the order of their use. */
const FIRST = [
  "openDevice",
  "resolveAsset",
  "loadLanguageModel",
  "Tokenizer",
  "ChatTemplate",
  "loadDataset",
  "createPolicy",
  "loadPolicy",
  "savePolicy",
  "PPOTrainer",
  "resolvePPOConfig",
  "LengthSampler",
  "SequenceClassifier",
  "ClassifierReward",
  "loadScriptReward",
  "textGenerator",
  "evaluatePolicy",
  "comparePolicies",
  "SFTTrainer",
  "train",
  "resolveTrainConfig",
];

interface Declaration {
  kind: string;
  location: { filename: string };
  jsDoc?: { doc?: string };
}

interface Symbol {
  name: string;
  declarations: Declaration[];
}

const KINDS: Readonly<Record<string, string>> = { typeAlias: "type", variable: "constant" };

/** The page as Markdown. */
export async function apiReference(): Promise<string> {
  const json = await run(ROOT, Deno.execPath(), ["doc", "--json", "mod.ts"]);
  const [{ symbols }] = Object.values(JSON.parse(json).nodes) as { symbols: Symbol[] }[];
  return "# The API\n\nExports of [`mod.ts`](../mod.ts), made by `deno task build:docs`. " +
    "`deno doc --quiet mod.ts` prints all of them, with parameters and errors; `deno doc --quiet " +
    `--filter PPOTrainer mod.ts\` prints one.\n\n## Where to start\n\n${await startingPoints(
      symbols,
    )}\n${everything(symbols)}`;
}

async function startingPoints(symbols: readonly Symbol[]): Promise<string> {
  const declared = declarations(await run(ROOT, Deno.execPath(), ["doc", "mod.ts"]));
  return FIRST.map((name) => {
    const symbol = symbols.find((other) => other.name === name);
    const declaration = declared.get(name);
    if (!symbol || !declaration) throw new Error(`mod.ts has no ${name}: see FIRST`);
    return `### \`${name}\`\n\n${summaryOf(symbol)}\n\n\`\`\`ts\n${declaration}\n\`\`\`\n`;
  }).join("\n");
}

/** Functions and classes by their name, as `deno doc` prints them, each as TypeScript. */
function declarations(text: string): Map<string, string> {
  // deno-lint-ignore no-control-regex
  const sections = text.replaceAll(/\x1b\[\d*(?:;\d+)*m/g, "").split(/^Defined in .*$/m).slice(1);
  return new Map(sections.flatMap((section) => {
    const [head, ...lines] = section.trim().split("\n");
    const [, kind, name] = /^(?:async )?(function|class) (\w+)/.exec(head) ?? [];
    if (kind === "function") return [[name, `${head.replace(/^async /, "")};`]];
    if (kind !== "class") return [];
    const members = lines.filter((line) =>
      /^ {2}(?:static |async )*[a-z]\w*\(.*\)(?:: .+)?$/.test(line)
    )
      .map((line) =>
        `${line.replace("async ", "").replaceAll(/\b(?:private )?readonly (?=\w+: )/g, "")};`
      );
    return [[name, `${head.replace(/ implements .*/, "")} {\n${members.join("\n")}\n}`]];
  }));
}

function everything(symbols: readonly Symbol[]): string {
  const lines = new Map<string, string[]>();
  for (const symbol of symbols.toSorted((a, b) => a.name < b.name ? -1 : 1)) {
    const { name, declarations: [{ kind, location }] } = symbol;
    const path = location.filename.slice(pathToFileURL(ROOT).href.length);
    const line = `- [\`${name}\`](../${path}), ${KINDS[kind] ?? kind}: ${summaryOf(symbol)}`;
    const room = path.split("/").slice(0, 2).join("/");
    lines.set(room, [...lines.get(room) ?? [], line]);
  }
  return [...lines].sort(([a], [b]) => a < b ? -1 : 1)
    .map(([room, text]) => `## ${room}\n\n${text.join("\n")}\n`).join("\n");
}

/** The first paragraph of a symbol's documentation. */
function summaryOf({ declarations: [{ jsDoc }] }: Symbol): string {
  const [summary] = (jsDoc?.doc ?? "").trim().split(/\n\s*\n/);
  return summary.replace(/\s+/g, " ").replace(/\{@linkcode ([\w.]+)\}/g, "`$1`");
}
