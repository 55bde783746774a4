import { object } from "@optique/core/constructs";
import { message } from "@optique/core/message";
import { command, constant, passThrough } from "@optique/core/primitives";
import { existsSync } from "node:fs";
import { dirname, join } from "node:path";
import settings from "../../deno.json" with { type: "json" };
import { programFolder } from "../../assets.ts";
import { cacheDirectory } from "../platform/cache_directory.ts";
import { UserError } from "../errors.ts";
import { turboFlag } from "../device/turbo.ts";
import { parseRepo } from "../hub/repo.ts";
import { hubEnvironment, hubSettings, tokenPath } from "../hub/settings.ts";
import { readJsonIfThere } from "../formats/hf_config.ts";
import { runKinds } from "../runs/kinds/registry.ts";
import { trainConfigSchema } from "../runs/settings/config.ts";
import { examples, given, paragraphs, usageLine } from "./options.ts";

/** `temper permissions` */
export const permissionsCommand = command(
  "permissions",
  object({
    command: constant("permissions"),
    words: passThrough({ format: "greedy", description: message`Command line of temper` }),
  }),
  {
    brief: message`Print the Deno permissions that a command needs.`,
    description: paragraphs(
      "Prints the flags of deno run for a command line, one per line: the documented environment " +
        "variables, the files and folders named in the arguments and the configuration file, the " +
        "run's folder, and the Hub's addresses and cache if something comes from there. The " +
        "executable runs every command with exactly these permissions.",
    ),
    footer: examples(
      ["For the demo", "temper permissions train"],
      [
        "Train from a checkout with these permissions alone",
        "deno run --no-prompt $(deno run -A cli.ts permissions train --steps 2) cli.ts train --steps 2",
      ],
    ),
    usageLine: usageLine("COMMAND..."),
  },
);

/** Parsed command line: the command, and its options by name. */
type Parsed = Readonly<Record<string, unknown>>;

/** Options with a path or a name on the Hub, for classifiers also after `onnx:` or `pipeline:`. */
const SOURCES = ["model", "adapter", "adapterBefore", "dataset", "reward", "toxicityModel"];
/** Options with a file or folder to read. */
const READ = ["config", "run", "runs", "resume", "folder"];
/** Options with a file or folder to write. */
const WRITTEN = ["output", "resume"];

/**
 * Lists the flags of `deno run` that a command line needs, and no others.
 *
 * @param parsed the command line
 * @param env environment variables of the Hub and its cache
 * @throws {UserError} when a configuration file that it names cannot be read, or a name has a comma
 */
export async function permissionFlags(
  parsed: Parsed,
  env: Record<string, string | undefined> = hubEnvironment(),
): Promise<string[]> {
  const { offline, hub } = settings.permissions;
  const { command } = parsed;
  const program = programFolder();
  const settingsRead = await settingsOf(parsed);
  const values = (keys: readonly string[]): string[] =>
    settingsRead.flatMap((options) => keys.flatMap((key) => options[key] ?? [])) as string[];

  const write = new Set([cacheDirectory(), ...values(WRITTEN)]);
  // A run that is not told where to go makes a folder in `runs`.
  if (runKinds().some((kind) => kind.command === command) && write.size === 1) write.add("runs");
  if (command === "runs export") {
    write.add(join(String(parsed.run), "tensorboard"));
    // A file is written beside its destination, then renamed.
    if (parsed.output !== undefined) write.add(dirname(String(parsed.output)));
  }
  for (const run of command === "runs delete" ? values(["runs"]) : []) write.add(run);
  // demo/… in the working folder takes precedence over what comes with Temper.
  const read = new Set(["demo", ...values(READ)]);
  if (program !== null) read.add(program);
  const net = new Set<string>();
  if (command === "ui") net.add(`${parsed.host}${parsed.port === 0 ? "" : `:${parsed.port}`}`);
  for (const host of parsed.ui === true ? offline.net : []) net.add(host);

  const sources = values(SOURCES);
  const pipeline = sources.some((source) => source.startsWith("pipeline:"));
  for (const source of sources) read.add(source.replace(/^(onnx|pipeline):/, ""));
  if (["download", "push"].includes(String(command)) || sources.some(isOnHub)) {
    const { endpoint, cacheDir, offline: noNetwork } = hubSettings(env);
    write.add(cacheDir);
    read.add(tokenPath(env));
    const { host } = new URL(endpoint);
    const hosts = hub.net.includes(host) ? hub.net : [host];
    // A mirror or a proxy on this machine may serve files on other ports.
    const reached = noNetwork ? [] : [...hosts, ...offline.net];
    for (const name of reached) net.add(name);
  }
  for (const path of write) read.add(path);
  return [
    flag("read", read),
    flag("write", write),
    ...(net.size > 0 ? [flag("net", net)] : []),
    // transformers.js runs a native library, and reads more of the environment.
    ...(pipeline
      ? ["--allow-ffi", "--allow-env", "--allow-sys"]
      : [flag("env", offline.env), flag("sys", offline.sys)]),
    ...(parsed.turbo === true ? [turboFlag()] : []),
  ];
}

function flag(permission: string, values: Iterable<string>): string {
  const names = [...values];
  const parted = names.find((name) => name.includes(","));
  if (parted !== undefined) {
    throw new UserError(
      `${parted} has a comma in its name, which Deno's flags of permissions cannot express: ` +
        "rename it, or name a link that leads there",
    );
  }
  return `--allow-${permission}=${names.join()}`;
}

function isOnHub(source: string): boolean {
  const name = source.replace(/^(onnx|pipeline):/, "");
  return !name.startsWith("demo/") && !existsSync(name) && parseRepo("model", name) !== null;
}

/** The command's options, combined with those of the files that it reads settings from. */
async function settingsOf(parsed: Parsed): Promise<Parsed[]> {
  const { config, run, resume, runs, command } = parsed as Record<string, string | undefined>;
  if (command === "ui") return [parsed, ...await runConfigs(runs!)];
  const folder = command === "compare" ? run : resume;
  const ofRun = folder === undefined ? null : await readJsonIfThere(folder, "config.json");
  if (config === undefined) return [{ ...ofRun, ...given(parsed) }];
  const { readConfigFile } = await import("../runs/settings/config_file.ts");
  const kind = runKinds().find((kind) => kind.command === command);
  const ofFile = await readConfigFile(config, kind?.schema ?? trainConfigSchema);
  return [{ ...ofRun, ...ofFile, ...given(parsed) }];
}

/** Settings of every run in a folder, whose models can be tried on the site. */
async function runConfigs(runs: string): Promise<Parsed[]> {
  let folders: Deno.DirEntry[];
  try {
    folders = [...Deno.readDirSync(runs)].filter(({ isDirectory }) => isDirectory);
  } catch {
    // No runs yet; what is no folder, the command itself reports.
    return [];
  }
  // The site explains broken runs.
  const configs = folders.map(({ name }) =>
    readJsonIfThere(join(runs, name), "config.json").catch(() => null)
  );
  return (await Promise.all(configs)).filter((config) => config !== null);
}
