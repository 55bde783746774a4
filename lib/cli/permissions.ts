import { object } from "@optique/core/constructs";
import { message } from "@optique/core/message";
import { command, constant, passThrough } from "@optique/core/primitives";
import { existsSync } from "node:fs";
import { basename, dirname, join, relative, resolve } from "node:path";
import settings from "../../deno.json" with { type: "json" };
import { programFolder } from "../../assets.ts";
import { cacheDirectory } from "../platform/cache_directory.ts";
import { UserError } from "../errors.ts";
import { turboFlag } from "../device/turbo.ts";
import { parseRepo } from "../hub/repo.ts";
import { hubEnvironment, hubSettings, tokenPath } from "../hub/settings.ts";
import { readJsonIfThere } from "../formats/hf_config.ts";
import { fileOf, readyName } from "../rewards/ready/ready.ts";
import { runKinds } from "../runs/kinds/registry.ts";
import { trainConfigSchema } from "../runs/settings/config.ts";
import { NOTEBOOK_REPOS } from "../verify/mission_facts.ts";
import { allowedVariable } from "../platform/environment.ts";
import { parseAddress } from "../cluster/address.ts";
import { NATS_VARIABLE } from "./nats_options.ts";
import { optionName } from "./options_from_schema.ts";
import { checkProgramIsApart } from "./protected_program.ts";
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
        "executable runs every command with exactly these permissions. The config.json of a run " +
        "grants none: what it names must be named on the command line too.",
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
const SOURCES = [
  "model",
  "adapter",
  "adapterBefore",
  "dataset",
  "reward",
  "evalReward",
  "toxicityModel",
];
/** Options with a file that a run reads. */
const FILES = ["chatTemplate"];
/** Options with a file or folder to read. */
const READ = [
  ...["config", "run", "runs", "resume", "folder", "named"],
  ...["natsCreds", "natsNkey", "natsTlsca"],
  ...FILES,
];
/** Options with a file or folder to write. */
const WRITTEN = ["output", "resume"];

/**
 * Lists the flags of `deno run` that a command line needs, and no others.
 *
 * @param parsed the command line
 * @param env environment variables of the Hub and its cache
 * @throws {UserError} when a configuration file that it names cannot be read, a name has a comma or a
 *   control character, a run names what the command line does not, or the program would be writable
 */
export async function permissionFlags(
  parsed: Parsed,
  env: Record<string, string | undefined> = hubEnvironment(),
): Promise<string[]> {
  const { offline, hub } = settings.permissions;
  const { command } = parsed;
  const program = programFolder();
  const options = await settingsOf(parsed);
  const values = (keys: readonly string[]): string[] =>
    keys.flatMap((key) => options[key] ?? []) as string[];

  const write = new Set([cacheDirectory(), ...values(WRITTEN)]);
  // A run that is not told where to go makes a folder in `runs`.
  if (runKinds().some((kind) => kind.command === command) && write.size === 1) write.add("runs");
  const named = [
    ...values(SOURCES),
    ...(parsed.mission === true ? Object.values(NOTEBOOK_REPOS) : []),
  ];
  const ready = named.map(readyName).filter((name) => name !== null);
  const sources = named.filter((source) => readyName(source) === null);
  const needsHub = ["download", "push"].includes(String(command)) || sources.some(isOnHub);
  if (needsHub) write.add(hubSettings(env).cacheDir);
  checkProgramIsApart(write);
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
  // The site prints an address of this machine that another one can open.
  const sys = command === "ui" && ["0.0.0.0", "::"].includes(String(parsed.host))
    ? ["networkInterfaces"]
    : [];
  const server = natsServer(parsed);
  if (server !== null) {
    net.add(server);
    // Trainers and workers say where they are.
    sys.push("hostname");
  }
  if (command === "ui") net.add(`${parsed.host}${parsed.port === 0 ? "" : `:${parsed.port}`}`);
  for (const host of parsed.ui === true ? offline.net : []) net.add(host);
  // Of this command line alone: a run's or a configuration file's settings cannot ask for it.
  for (const host of (parsed.rewardAllowNet ?? []) as readonly string[]) net.add(host);

  const pipeline = sources.some((source) => source.startsWith("pipeline:"));
  for (const source of sources) read.add(source.replace(/^(onnx|pipeline):/, ""));
  for (const file of ready.map(fileOf)) if (file !== null) read.add(file);
  const allowedEnv = [
    ...offline.env,
    ...(ready.some(({ name }) => name === "judge") ? ["OPENAI_API_KEY"] : []),
    ...(server !== null ? [NATS_VARIABLE] : []),
  ];
  if (needsHub) {
    const { endpoint, offline: noNetwork } = hubSettings(env);
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
      ? ["--allow-env", "--allow-sys"]
      : [flag("env", allowedEnv), flag("sys", [...offline.sys, ...sys])]),
    ...(pipeline || options.device === "dawn" ? ["--allow-ffi"] : []),
    // Tests what may end a process in another one. It reads nobody's files.
    ...(command === "doctor" ? [flag("run", [Deno.execPath()])] : []),
    ...(parsed.turbo === true ? [turboFlag()] : []),
  ];
}

/**
 * Host and port of the NATS server that a command line names; null where it names none.
 *
 * @throws {UserError} when the address is not valid
 */
function natsServer({ command, nats }: Parsed): string | null {
  const isNeeded = /^(work|cluster)\b/.test(String(command));
  const url = nats ?? (isNeeded ? allowedVariable(NATS_VARIABLE) : undefined);
  return typeof url === "string" && url !== "" ? parseAddress(url).server : null;
}

function flag(permission: string, values: Iterable<string>): string {
  const names = [...values];
  // deno-lint-ignore no-control-regex
  const parted = names.find((name) => /[,\x00-\x1f\x7f]/.test(name));
  if (parted !== undefined) {
    // A name with a line break would be a flag of its own to the launcher.
    const [name, what] = parted.includes(",")
      ? [parted, "a comma"]
      : [JSON.stringify(parted), "a control character"];
    throw new UserError(
      `${name} has ${what} in its name, which Deno's permission flags cannot express: ` +
        "rename it, or name a link that leads there",
    );
  }
  return `--allow-${permission}=${names.join()}`;
}

function isOnHub(source: string): boolean {
  const name = source.replace(/^(onnx|pipeline):/, "");
  return !name.startsWith("demo/") && !existsSync(name) && parseRepo("model", name) !== null;
}

/**
 * The command's options above those of its configuration file.
 *
 * @throws {UserError} when the file cannot be read, or is one that a command wrote and names what
 *   the command line does not
 */
async function settingsOf(parsed: Parsed): Promise<Parsed> {
  const { config, run, resume, command } = parsed as Record<string, string | undefined>;
  const folder = command === "compare" ? run : resume;
  if (folder !== undefined) {
    const ofRun = await readJsonIfThere(folder, "config.json");
    checkAllowed(ofRun ?? {}, parsed, folder, [...SOURCES, ...FILES]);
  }
  if (config === undefined) return given(parsed);
  const { readConfigFile } = await import("../runs/settings/config_file.ts");
  const kind = runKinds().find((kind) => kind.command === command);
  const ofFile: Parsed = await readConfigFile(config, kind?.schema ?? trainConfigSchema);
  if (!writtenByCommands(config)) return { ...ofFile, ...given(parsed) };
  checkAllowed(ofFile, parsed, config, [...SOURCES, ...FILES, "output"]);
  return given(parsed);
}

/** Tells whether a configuration file is one that a run leaves, or lies where commands may write. */
function writtenByCommands(file: string): boolean {
  const inside = (folder: string) => !relative(resolve(folder), resolve(file)).startsWith("..");
  return basename(file) === "config.json" || inside("runs") || inside(cacheDirectory());
}

/**
 * Checks that a run's folder raises no permissions: whoever made it, or a reward script of the run,
 * may have written what its settings name.
 *
 * @throws {UserError} with the options to add
 */
function checkAllowed(ofRun: Parsed, typed: Parsed, folder: string, keys: readonly string[]): void {
  const missing = keys.filter((key) => typed[key] === undefined).flatMap((key) => {
    const names = [ofRun[key] ?? []].flat().map(String);
    return names.every((name) => isOwn(name, folder))
      ? []
      : [`--${optionName(key)} ${names.join()}`];
  });
  if (missing.length === 0) return;
  throw new UserError(
    `${folder} names files that only the command line can allow: add ${missing.join(" ")} ` +
      "if you trust them",
  );
}

/** Tells whether a name is that of something every command may read: the demo, or the run's own folder. */
function isOwn(name: string, folder: string): boolean {
  if (name.startsWith("pipeline:")) return false;
  const path = resolve(name.replace(/^onnx:/, ""));
  return ["demo", folder, programFolder() ?? folder].some((own) => {
    const way = relative(resolve(own), path);
    return !way.startsWith("..") && !way.startsWith("/");
  });
}
