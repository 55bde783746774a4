/**
 * Runs the tests that take a device on WebGPU.
 *
 * With Mesa's llvmpipe loaded, the process sometimes aborts at exit, after all tests have passed: glibc
 * finds a corrupted heap ("corrupted size vs. prev_size") while the driver's library is unloaded. Such
 * an end counts as the passed run that it is, and is reported; an abort before the complete pass line
 * is a failure.
 *
 * A run of all of them records the pipelines that they make, for test_dawn.ts.
 *
 * deno task test:webgpu [paths]
 * deno task test:permuted: those of kernels, with the threads in every order (tests/permuted.ts)
 */
import { join } from "node:path";
import { ROOT } from "../scripts/program.ts";

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
  const lines = plain(output).trimEnd().split("\n");
  return CRASHES.includes(code) && /^ok \| [1-9]\d* passed.* \| 0 failed/.test(lines.at(-1) ?? "");
}

/** Folder of the pipelines that the last complete run has made: see tests/pipelines/record.ts. */
export const PIPELINES = join(ROOT, "dist/pipelines");

/** Arguments of `deno test` with which pipelines are recorded, and the variable that says where. */
export const RECORDING = {
  args: ["--preload", "tests/pipelines/record.ts"],
  env: { TEMPER_PIPELINES: PIPELINES },
};

/** Runs the tests of the paths after `--` in one isolate, which shares compiled kernels. */
export const TOGETHER = "tests/together.ts";

/** Exit code of tests that were ended for lack of an end, as of timeout(1). */
const TIMED_OUT = 124;

/**
 * Runs tests in a process of their own; returns its exit code, 0 for a crash after they have passed.
 *
 * @param minutes time after which they are ended, with a line that names the test: exit code 124
 */
export async function runTests(
  args: readonly string[],
  env: Readonly<Record<string, string>>,
  minutes = Infinity,
): Promise<number> {
  const child = new Deno.Command(Deno.execPath(), {
    args: ["test", "-A", ...args],
    cwd: ROOT,
    env,
    stdout: "piped",
  }).spawn();
  let timedOut = false;
  const watchdog = Number.isFinite(minutes)
    ? setTimeout(() => {
      timedOut = true;
      child.kill("SIGKILL");
    }, minutes * 60_000)
    : undefined;
  let output = "";
  const decoder = new TextDecoder();
  for await (const chunk of child.stdout) {
    await Deno.stdout.write(chunk);
    output += decoder.decode(chunk, { stream: true });
  }
  const { code } = await child.status;
  clearTimeout(watchdog);
  if (timedOut) {
    console.error(`\nended after ${minutes} minutes, in: ${lastTest(output)}`);
    return TIMED_OUT;
  }
  if (!crashedAtExit({ code, output })) return code;
  console.error(`all tests passed; then the process crashed at exit with code ${code}`);
  return 0;
}

/** The test that was running when the output ended. */
export function lastTest(output: string): string {
  const begun = [...plain(output).matchAll(/^(.+) \.\.\./gm)].at(-1);
  return begun?.[1] ?? "the start";
}

/** Text without escape sequences. */
function plain(output: string): string {
  // deno-lint-ignore no-control-regex
  return output.replaceAll(/\x1b\[[\d;]*m/g, "");
}

if (import.meta.main) {
  const device = { TEMPER_DEVICE: Deno.env.get("TEMPER_DEVICE") ?? "webgpu" };
  if (Deno.args.length > 0) Deno.exit(await runTests(Deno.args, device));
  await Deno.remove(PIPELINES, { recursive: true }).catch(() => {});
  const { args, env } = RECORDING;
  Deno.exit(await runTests([...args, ...await deviceTests()], { ...device, ...env }));
}
