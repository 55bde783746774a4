/**
 * Builds web/static/client.js, the islands for the browser, from web/islands/client.tsx.
 *
 * deno task build:ui            write the file
 * deno task build:ui --check    fail when the committed file differs from its sources
 */
import { fileURLToPath } from "node:url";

const root = fileURLToPath(new URL("..", import.meta.url));
const output = "web/static/client.js";
const check = Deno.args.includes("--check");

const built = await Deno.makeTempFile({ suffix: ".js" });
try {
  const bundle = new Deno.Command(Deno.execPath(), {
    args: ["bundle", "--platform", "browser", "--minify", "-o", built, "web/islands/client.tsx"],
    cwd: root,
    stdout: "null",
    stderr: "piped",
  });
  const { success, stderr } = await bundle.output();
  if (!success) {
    console.error(new TextDecoder().decode(stderr));
    Deno.exit(1);
  }
  const text = await Deno.readTextFile(built);
  if (check) {
    const same = text === await Deno.readTextFile(root + output);
    console.log(same ? `${output} is current` : `${output} differs: run deno task build:ui`);
    if (!same) Deno.exit(1);
  } else {
    await Deno.writeTextFile(root + output, text);
    console.log(`${output}: ${text.length} bytes`);
  }
} finally {
  await Deno.remove(built);
}
