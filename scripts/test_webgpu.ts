/**
 * Runs the tests that take a device on WebGPU.
 *
 * With Mesa's llvmpipe loaded, the process sometimes aborts at exit, after all tests have passed: glibc
 * finds a corrupted heap ("corrupted size vs. prev_size") while the driver's library is unloaded. Such
 * an end counts as the passed run that it is, and is reported; an abort before the complete pass line
 * is a failure.
 *
 * deno task test:webgpu
 */
import { join } from "node:path";
import { ROOT } from "./program.ts";

/** Folders of tests that depend on the device, in part without saying so. */
const FOLDERS = [
  "tests/kernels",
  "tests/golden",
  "tests/device",
  "tests/generation",
  "tests/nn",
  "tests/doctor",
];

/** Paths of the tests that depend on the device: those folders, and files that register tests for each. */
async function deviceTests(folder = "tests"): Promise<string[]> {
  const paths: string[] = [];
  for await (const { name, isDirectory } of Deno.readDir(join(ROOT, folder))) {
    const path = `${folder}/${name}`;
    if (FOLDERS.includes(path)) paths.push(path);
    else if (isDirectory) paths.push(...await deviceTests(path));
    else if (name.endsWith("_test.ts")) {
      const text = await Deno.readTextFile(join(ROOT, path));
      if (/^(deviceTest|gpuTest)\(|\s(deviceTest|gpuTest)\(/m.test(text)) paths.push(path);
    }
  }
  return paths.sort();
}

/** End of a run of tests. */
export interface TestOutcome {
  /** Exit code; 128 and the signal's number where a signal ended it. */
  code: number;
  /** Standard output, escape sequences included. */
  output: string;
}

/** Exit codes of an abort (SIGABRT) and of a segmentation fault (SIGSEGV). */
const CRASHES: readonly number[] = [134, 139];

/** Tells if a run passed all of its tests and crashed only afterwards, as its process ended. */
export function crashedAtExit({ code, output }: TestOutcome): boolean {
  // deno-lint-ignore no-control-regex
  const lines = output.replaceAll(/\x1b\[[\d;]*m/g, "").trimEnd().split("\n");
  return CRASHES.includes(code) && /^ok \| [1-9]\d* passed.* \| 0 failed/.test(lines.at(-1) ?? "");
}

if (import.meta.main) {
  const child = new Deno.Command(Deno.execPath(), {
    args: ["test", "-A", ...(Deno.args.length > 0 ? Deno.args : await deviceTests())],
    cwd: ROOT,
    env: { TEMPER_DEVICE: "webgpu" },
    stdout: "piped",
  }).spawn();
  let output = "";
  const decoder = new TextDecoder();
  for await (const chunk of child.stdout) {
    await Deno.stdout.write(chunk);
    output += decoder.decode(chunk, { stream: true });
  }
  const { code } = await child.status;
  if (crashedAtExit({ code, output })) {
    console.error(`all tests passed; then the process crashed at exit with code ${code}`);
    Deno.exit(0);
  }
  Deno.exit(code);
}
