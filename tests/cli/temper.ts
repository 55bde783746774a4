import { fileURLToPath } from "node:url";
import { main } from "../../lib/cli/main.ts";

const CLI = fileURLToPath(new URL("../../cli.ts", import.meta.url));

/** How a run of the command line ended. */
export interface Outcome {
  code: number;
  stdout: string;
  stderr: string;
}

/** A process of the command line that runs. */
export interface Running {
  child: Deno.ChildProcess;
  /** What it has written to standard output up to now. */
  stdout(): string;
  /** The same of standard error. */
  stderr(): string;
  /** How it ended. */
  ended: Promise<Outcome>;
}

/** What a process is given beside its arguments. */
export interface ProcessOptions {
  /** Its standard input; empty when it is not given. */
  input?: string | Uint8Array;
  /** Variables above those of this process. */
  env?: Record<string, string>;
  /** Its working folder. */
  cwd?: string;
  /** Script that it runs before anything else. */
  preload?: string;
  /** Start of its command line, for a process in a namespace. */
  within?: readonly string[];
}

/** Starts the command line as a process of its own. */
export function start(
  args: readonly string[],
  options: ProcessOptions = {},
): Running {
  const [command, ...before] = [...options.within ?? [], Deno.execPath()];
  const child = new Deno.Command(command, {
    args: [
      ...before,
      ...["run", "--no-check", "-A"],
      ...(options.preload === undefined ? [] : ["--preload", options.preload]),
      ...[CLI, ...args],
    ],
    env: { NO_COLOR: "1", COLUMNS: "100", ...options.env },
    cwd: options.cwd,
    stdin: "piped",
    stdout: "piped",
    stderr: "piped",
  }).spawn();
  const writer = child.stdin.getWriter();
  // A program that fails before it reads closes its end.
  const { input = "" } = options;
  const written = writer.write(typeof input === "string" ? new TextEncoder().encode(input) : input)
    .then(() => writer.close()).catch(() => {});
  const text = { stdout: "", stderr: "" };
  const read = async (stream: keyof typeof text) => {
    const parts = child[stream].pipeThrough(new TextDecoderStream());
    for await (const part of parts) text[stream] += part;
  };
  const end = async () => {
    await Promise.all([read("stdout"), read("stderr"), written]);
    return { code: (await child.status).code, ...text };
  };
  return { child, stdout: () => text.stdout, stderr: () => text.stderr, ended: end() };
}

/** Runs the command line as a process of its own. */
export async function temper(
  args: readonly string[],
  options: ProcessOptions = {},
): Promise<Outcome> {
  return await start(args, options).ended;
}

/** Calls the command line inside this process: much faster, where no device's workers are needed. */
export async function call(args: readonly string[]): Promise<Outcome> {
  const outcome: Outcome = { code: 0, stdout: "", stderr: "" };
  const writers = { stdout: Deno.stdout.writeSync, stderr: Deno.stderr.writeSync };
  for (const stream of ["stdout", "stderr"] as const) {
    Deno[stream].writeSync = (bytes) => {
      outcome[stream] += new TextDecoder().decode(bytes);
      return bytes.length;
    };
  }
  try {
    outcome.code = await main(args);
  } finally {
    Deno.stdout.writeSync = writers.stdout;
    Deno.stderr.writeSync = writers.stderr;
  }
  return outcome;
}

/** Runs a test's body with a temporary folder, removed afterwards. */
export async function withFolder(body: (folder: string) => Promise<void>): Promise<void> {
  const folder = await Deno.makeTempDir({ prefix: "temper-test-" });
  try {
    await body(folder);
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
}
