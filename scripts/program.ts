/**
 * The program as executables carry it: bundled, with every file that it reads beside it. `pack` and
 * `compile` share what is listed here.
 */
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";

/** The folder of the checkout. */
export const ROOT: string = fileURLToPath(new URL("..", import.meta.url));

/** Entry point of the program. */
export const MAIN = "cli.js";

/** Modules that the program finds by their path: it imports them late, or starts them in a thread. */
export const FOUND: readonly string[] = [
  "lib/doctor/compile_kernels.ts",
  "lib/doctor/turbo_self_test.ts",
  "lib/data/parquet_thread.ts",
  "lib/data/template_thread.ts",
  "lib/data/tokenizer_thread.ts",
  "lib/device/wasm/worker.ts",
  "lib/device/webgpu/readback_self_test.ts",
  "lib/packages/hub.ts",
  "lib/packages/onnxruntime.ts",
  "web/store/try_thread.ts",
  "web/worker.ts",
];

/** Files and folders that are read when the program runs. What is imported as text is bundled. */
export const READ: readonly string[] = ["demo", "lib/device/wasm/kernels.wasm", "LICENSE"];

/** Files that onnxruntime-web reads beside its own module: the CPU build, one of five. */
const ONNX_RUNTIME: readonly string[] = [
  "ort-wasm-simd-threaded.mjs",
  "ort-wasm-simd-threaded.wasm",
];

/**
 * Bundles the program into an empty folder, keeping the paths of what it finds and reads.
 *
 * @throws {Error} when the bundler fails
 */
export async function stageProgram(folder: string): Promise<void> {
  await stageModules(folder, ["cli.ts"], FOUND);
  for (const path of READ) await copy(join(ROOT, path), join(folder, path));
  const runtime = await onnxRuntimeFolder();
  for (const name of ONNX_RUNTIME) {
    await copy(join(runtime, name), join(folder, "lib/packages", name));
  }
}

/**
 * Bundles modules into an empty folder, with their paths in the repository.
 *
 * @param entries modules that are named as JavaScript files
 * @param found modules that are named as in the repository
 * @throws {Error} when the bundler fails
 */
export async function stageModules(
  folder: string,
  entries: readonly string[],
  found: readonly string[],
): Promise<void> {
  await run(ROOT, Deno.execPath(), [
    ...["bundle", "--quiet", "--minify", "--keep-names", "--code-splitting"],
    ...["--outdir", folder, ...entries, ...found],
  ]);
  for (const module of found) {
    const name = module.split("/").at(-1)!.replace(/\.ts$/, ".js");
    await Deno.writeTextFile(join(folder, module), `export * from "./${name}";\n`);
  }
  await letModulesRequire(folder);
}

/** Gives bundled CommonJS packages the `require` that they ask for node: modules with. */
async function letModulesRequire(folder: string): Promise<void> {
  const head =
    'import{createRequire}from"node:module";const require=createRequire(import.meta.url);';
  for (const [path] of await listFiles(folder)) {
    const file = join(folder, path);
    const text = await Deno.readTextFile(file);
    if (text.includes("Dynamic require of")) await Deno.writeTextFile(file, head + text);
  }
}

/** The version: deno.json has it, and nothing else. */
export async function version(): Promise<string> {
  return JSON.parse(await Deno.readTextFile(join(ROOT, "deno.json"))).version;
}

/** Every file of a folder by its path in it, with its bytes, in order. */
export async function listFiles(folder: string, prefix = ""): Promise<[string, number][]> {
  const files: [string, number][] = [];
  for await (const { name, isDirectory } of Deno.readDir(join(folder, prefix))) {
    const path = prefix === "" ? name : `${prefix}/${name}`;
    if (isDirectory) files.push(...await listFiles(folder, path));
    else files.push([path, (await Deno.stat(join(folder, path))).size]);
  }
  return files.sort(([a], [b]) => a < b ? -1 : 1);
}

/**
 * Runs a program to its end.
 *
 * @returns what it printed
 * @throws {Error} with what it said on standard error, when it fails
 */
export async function run(cwd: string, program: string, args: string[]): Promise<string> {
  const { success, stdout, stderr } = await new Deno.Command(program, { args, cwd }).output();
  if (success) return new TextDecoder().decode(stdout);
  throw new Error(`${program} ${args.join(" ")} failed:\n${new TextDecoder().decode(stderr)}`);
}

/** Copies a file or a folder. */
export async function copy(from: string, to: string): Promise<void> {
  if ((await Deno.stat(from)).isDirectory) {
    for await (const { name } of Deno.readDir(from)) await copy(join(from, name), join(to, name));
    return;
  }
  await Deno.mkdir(dirname(to), { recursive: true });
  await Deno.copyFile(from, to);
}

/** Folder of onnxruntime-web's build in the npm cache. */
async function onnxRuntimeFolder(): Promise<string> {
  const info = JSON.parse(
    await run(ROOT, Deno.execPath(), ["info", "--json", "lib/packages/onnxruntime.ts"]),
  );
  const packages: Record<string, { name: string; localPath: string }> = info.npmPackages;
  const found = Object.values(packages).find(({ name }) => name === "onnxruntime-web");
  if (!found) throw new Error("onnxruntime-web is not among the npm packages of the program");
  return join(found.localPath, "dist");
}
