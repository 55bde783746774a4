import { object } from "@optique/core/constructs";
import { message } from "@optique/core/message";
import { command, constant, passThrough } from "@optique/core/primitives";
import { existsSync } from "node:fs";
import { join } from "node:path";
import settings from "../../deno.json" with { type: "json" };
import { programFolder } from "../../assets.ts";
import { cacheDirectory } from "../cache_directory.ts";
import { TURBO_FLAGS } from "../device/turbo.ts";
import { parseRepo } from "../hub/repo.ts";
import { type HubSettings, hubSettings } from "../hub/settings.ts";
import { readJsonIfThere } from "../formats/hf_config.ts";
import { examples, paragraphs, usageLine } from "./options.ts";

/** `temper permissions` */
export const permissionsCommand = command(
  "permissions",
  object({
    command: constant("permissions"),
    words: passThrough({ format: "greedy", description: message`a command line of temper's` }),
  }),
  {
    brief: message`Print the Deno permissions that a command needs.`,
    description: paragraphs(
      "Prints the exact flags of deno run for a command line, one a line: the environment variables " +
        "that are documented, the files and folders that the arguments and the configuration file " +
        "name, the run's folder, and the Hub's addresses and cache where something is to come from " +
        "there. The executable runs every command with just these.",
    ),
    footer: examples(
      ["What the demo needs", "temper permissions train"],
      [
        "A run in a checkout with nothing else",
        "deno run --no-prompt $(deno run -A cli.ts permissions train --steps 2) cli.ts train --steps 2",
      ],
    ),
    usageLine: usageLine("COMMAND..."),
  },
);

/** A command line as it was parsed: its command, and options by name. */
type Parsed = Readonly<Record<string, unknown>>;

/** Options that name a path, or with `onnx:` or `pipeline:` a classifier, or a name on the Hub. */
const SOURCES = ["model", "adapter", "adapterBefore", "dataset", "reward", "toxicityModel", "repos"];
/** Options that name a file or folder to read. */
const READ = ["config", "run", "runs", "resume"];
/** Options that name a file or folder to write. */
const WRITTEN = ["output", "resume"];
/** Commands that make a folder in `runs` when they are not told where. */
const MAKES_RUNS = ["train", "sft"];

/**
 * The flags of `deno run` that a command line needs, and no more.
 *
 * @param parsed its command and options
 * @param hub where the Hub and its cache are
 */
export async function permissionFlags(
  parsed: Parsed,
  hub: HubSettings = hubSettings(),
): Promise<string[]> {
  const named = [parsed, ...await settingsOf(parsed)];
  const values = (keys: readonly string[]) =>
    named.flatMap((options) => keys.flatMap((key) => options[key] ?? [])) as string[];

  const { offline, ui, hub: hubSet } = settings.permissions;
  // What is called demo/… in the working folder goes before what comes with Temper.
  const read = new Set(["demo", programFolder() ?? [], values(READ)].flat());
  const write = new Set(values(WRITTEN));
  const net = new Set<string>();
  let pipeline = false;

  if (MAKES_RUNS.includes(String(parsed.command)) && write.size === 0) write.add("runs");
  if (programFolder() === null) write.add(cacheDirectory());
  for (const source of values(SOURCES)) {
    const path = source.replace(/^(onnx|pipeline):/, "");
    pipeline ||= source.startsWith("pipeline:");
    read.add(path);
    if (existsSync(path) || path.startsWith("demo/") || !parseRepo("model", path)) continue;
    read.add(hub.cacheDir).add(tokenPath());
    write.add(hub.cacheDir);
    if (hub.offline) continue;
    const host = new URL(hub.endpoint).host;
    for (const name of hubSet.net.includes(host) ? hubSet.net : [host]) net.add(name);
  }
  if (parsed.ui === true) for (const host of ui.net) net.add(host);
  if (parsed.command === "ui") net.add(listening(parsed));
  for (const path of write) read.add(path);
  return [
    flag("read", read),
    flag("write", write),
    flag("net", net),
    flag("env", pipeline ? null : offline.env),
    flag("sys", pipeline ? null : offline.sys),
    // transformers.js runs a native library.
    ...(pipeline ? ["--allow-ffi"] : []),
    ...(parsed.turbo === true ? [`--v8-flags=${TURBO_FLAGS.join(",")}`] : []),
  ].filter((text) => text !== "");
}
