/**
 * Builds dist/temper-<version>-<target> for this machine's system: a shell script that carries the
 * Deno runtime and the program, and unpacks them into the user's cache when it is first run.
 *
 * deno task pack
 */
import { join } from "node:path";
import settings from "../deno.json" with { type: "json" };
import { BROWSER_MODULE, buildBrowser } from "./browser_build.ts";
import { listFiles, MAIN, ROOT, run, stageProgram, version } from "./program.ts";

if (Deno.build.os === "windows") {
  console.error("pack makes a shell script, for Linux and macOS: use deno task compile");
  Deno.exit(1);
}
const output = `dist/temper-${await version()}-${Deno.build.target}`;
const stage = await Deno.makeTempDir({ prefix: "temper-pack-" });
try {
  const app = join(stage, "app");
  await Deno.mkdir(app);
  await stageProgram(app);
  await buildBrowser(join(app, BROWSER_MODULE));
  await Deno.copyFile(Deno.execPath(), join(stage, "deno"));
  await Deno.chmod(join(stage, "deno"), 0o755);
  const files = await listFiles(stage);
  // The same files make the same archive, whenever they are packed.
  for (const [path] of files) await Deno.utime(join(stage, path), 0, 0);
  const archive = join(stage, "payload.tar");
  await run(stage, "tar", ["--format=ustar", "-cf", archive, ...files.map(([path]) => path)]);
  await run(stage, "gzip", ["-9n", archive]);
  const payload = await Deno.readFile(`${archive}.gz`);
  const head = new TextEncoder().encode(await launcher(payload));
  await Deno.mkdir(join(ROOT, "dist"), { recursive: true });
  const file = new Uint8Array(head.length + payload.length);
  file.set(head);
  file.set(payload, head.length);
  await Deno.writeFile(join(ROOT, output), file, { mode: 0o755 });
  report(files, file.length);
} finally {
  await Deno.remove(stage, { recursive: true });
}

/** The shell script at the head of the file. */
async function launcher(payload: Uint8Array<ArrayBuffer>): Promise<string> {
  const digest = new Uint8Array(await crypto.subtle.digest("SHA-256", payload)).toHex();
  const template = await Deno.readTextFile(new URL("./launcher.sh", import.meta.url));
  const { env, sys } = settings.permissions.offline;
  const values: Record<string, string> = {
    VERSION: await version(),
    ID: `${await version()}-${digest.slice(0, 12)}`,
    ENV: env.join(),
    SYS: sys.join(),
    MAIN,
    LINES: String(template.split("\n").length),
  };
  return template.replace(/@(\w+)@/g, (_, name) => values[name]);
}

function report(files: [path: string, size: number][], size: number): void {
  const mb = (bytes: number) => `${(bytes / 1e6).toFixed(1).padStart(6)} MB`;
  console.log(`${output}: ${mb(size).trim()}, in it, before compression:`);
  const groups: [string, RegExp][] = [
    ["the Deno runtime", /^deno$/],
    ["onnxruntime's WASM", /\/ort-/],
    ["the demo", /^app\/demo\//],
    ["the module for browsers", /^app\/dist\//],
    ["the program, bundled", /^app\//],
  ];
  const left = new Map(files);
  for (const [what, pattern] of groups) {
    let sum = 0;
    for (const [path, bytes] of [...left]) {
      if (pattern.test(path)) left.delete(path), sum += bytes;
    }
    console.log(`${mb(sum)}  ${what}`);
  }
}
