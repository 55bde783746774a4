/**
 * Builds dist/temper-<version>-<target>-compiled with `deno compile`, of the same files as `deno task pack`,
 * for this machine's system or another. It needs Deno's own `denort` for the system, which Deno
 * fetches from dl.deno.land.
 *
 * deno task compile [--target x86_64-unknown-linux-gnu|aarch64-unknown-linux-gnu|
 *                    x86_64-apple-darwin|aarch64-apple-darwin|x86_64-pc-windows-msvc]
 *
 * What is compiled cannot ask what a command line needs before it starts, as the packed executable
 * does: it may read and write everywhere, but reaches only the Hub and this machine, knows only the
 * documented environment variables, and starts no programs.
 */
import { join } from "node:path";
import { parseArgs } from "node:util";
import settings from "../deno.json" with { type: "json" };
import { BROWSER_MODULE, buildBrowser } from "./browser_build.ts";
import { MAIN, ROOT, stageProgram, version } from "./program.ts";

const { values } = parseArgs({ options: { target: { type: "string" } } });
const target = values.target ?? Deno.build.target;
const suffix = target.includes("windows") ? ".exe" : "";
const output = join(ROOT, `dist/temper-${await version()}-${target}-compiled${suffix}`);
const { offline, hub } = settings.permissions;

const stage = await Deno.makeTempDir({ prefix: "temper-compile-" });
try {
  await stageProgram(stage);
  await buildBrowser(join(stage, BROWSER_MODULE));
  await Deno.remove(output).catch(() => {});
  const { code } = await new Deno.Command(Deno.execPath(), {
    args: [
      ...["compile", "--no-config", "--no-lock", "--no-check", "--no-prompt"],
      ...["--include", ".", "--output", output],
      ...(values.target === undefined ? [] : ["--target", target]),
      ...["--allow-read", "--allow-write"],
      `--allow-env=${offline.env.join()}`,
      `--allow-sys=${offline.sys.join()}`,
      `--allow-net=${[...hub.net, ...offline.net].join()}`,
      MAIN,
    ],
    cwd: stage,
  }).spawn().status;
  if (code !== 0) Deno.exit(code);
} finally {
  await Deno.remove(stage, { recursive: true });
}
