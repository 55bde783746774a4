import type { SubprocessResult } from "./interfaces.ts";

export type { SubprocessResult };

/** Version of the Deno that runs this program and its subprocesses. */
export function denoVersion(): string {
  return Deno.version.deno;
}

/** Tells whether {@linkcode runModule} may start processes without asking for permission. */
export function mayRunModules(): boolean {
  return Deno.permissions.querySync({ name: "run", command: Deno.execPath() }).state === "granted";
}

/** Options of a module's process. */
export interface ModuleOptions {
  /** Text on its standard input. */
  input?: string;
  /** Time after which it is ended, in milliseconds. */
  timeoutMs?: number;
  /** True to allow native libraries (ffi). */
  nativeLibraries?: boolean;
}

/**
 * Runs a module in a process of its own, without permissions: for what may end the process.
 *
 * @param module address of the module
 * @returns null where {@linkcode mayRunModules} says no, or where it cannot be started
 */
export async function runModule(
  module: URL,
  { input = "", timeoutMs = 120_000, nativeLibraries = false }: ModuleOptions = {},
): Promise<SubprocessResult | null> {
  if (!mayRunModules()) return null;
  const flags = ["--quiet", "--no-prompt", "--no-check", "--no-config", "--no-lock"];
  const origin = module.protocol === "file:" ? [] : [`--allow-import=${module.host}`];
  if (nativeLibraries) flags.push("--allow-ffi");
  try {
    const child = new Deno.Command(Deno.execPath(), {
      args: ["run", ...flags, ...origin, module.href],
      stdin: "piped",
      stdout: "piped",
      stderr: "piped",
      signal: AbortSignal.timeout(timeoutMs),
    }).spawn();
    // A process that ended early does not take its input.
    const sent = new Blob([input]).stream().pipeTo(child.stdin).catch(() => {});
    const { success, stdout, stderr } = await child.output();
    await sent;
    const text = (bytes: Uint8Array) => new TextDecoder().decode(bytes);
    return { success, stdout: text(stdout), stderr: text(stderr) };
  } catch {
    return null;
  }
}
