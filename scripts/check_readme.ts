/**
 * Runs every command of README.md as it stands, but for those that need the network or a model of
 * one's own.
 *
 * deno task check:readme
 */
import { dirname, join } from "node:path";
import { ROOT } from "./program.ts";

/** What marks a command that cannot be run anywhere, and why. */
const SKIPPED: readonly (readonly [RegExp, string])[] = [
  [/google\/|facebook\/|\bme\//, "it needs the Hub"],
  [/\bgit clone\b|\bnpm install\b/, "it needs the network"],
  [/^deno task test\b/, "CI runs it by itself"],
  [/^(deno run -A cli\.ts|temper) ui\b/, "it runs until it is stopped"],
];

/** The commands of a Markdown text's `sh` blocks, comments left out. */
export function commandsOf(text: string): string[] {
  const blocks = [...text.matchAll(/^```sh\n([\s\S]*?)^```/gm)].map(([, block]) => block);
  return blocks.join("\n").replace(/\\\n\s*/g, "").split("\n")
    .map((line) => line.replace(/(^|\s)#.*$/, "").trim()).filter((line) => line !== "");
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
    const { code, stderr } = await new Deno.Command("sh", {
      args: ["-c", command],
      cwd: ROOT,
      env: { PATH: path, NO_COLOR: "1" },
      stdin: "null",
    }).output();
    const seconds = ((performance.now() - began) / 1000).toFixed(1);
    console.log(`${code === 0 ? "ok      " : "failed  "} ${command} (${seconds} s)`);
    if (code !== 0) console.error(new TextDecoder().decode(stderr));
    failed ||= code !== 0;
  }
  if (failed) Deno.exit(1);
}
