/** Committed files that are made from the code: written by a task, compared with `--check`. */
import { join } from "node:path";
import { ROOT, run } from "./program.ts";

/** A text as `deno fmt` leaves it, so that both agree on what is current. */
export async function formatted(text: string, extension: "md" | "ts"): Promise<string> {
  const file = await Deno.makeTempFile({ dir: ROOT, prefix: ".made-", suffix: `.${extension}` });
  try {
    await Deno.writeTextFile(file, text);
    await run(ROOT, Deno.execPath(), ["fmt", "--quiet", file]);
    return await Deno.readTextFile(file);
  } finally {
    await Deno.remove(file);
  }
}

/**
 * Writes the files; with `--check` on the command line it compares them with those that there are, and
 * ends the process with an error when one differs.
 *
 * @param files contents by their path in the repository
 * @param task name of the task that makes them
 */
export async function writeOrCheck(
  files: Readonly<Record<string, string>>,
  task: string,
): Promise<void> {
  let differs = false;
  for (const [path, text] of Object.entries(files)) {
    if (!Deno.args.includes("--check")) {
      await Deno.writeTextFile(join(ROOT, path), text);
      console.log(`${path}: ${text.length} characters`);
      continue;
    }
    const same = await Deno.readTextFile(join(ROOT, path)).catch(() => "") === text;
    console.log(same ? `${path} is current` : `${path} differs: run deno task ${task}`);
    differs ||= !same;
  }
  if (differs) Deno.exit(1);
}
