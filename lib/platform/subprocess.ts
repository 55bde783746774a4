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

/**
 * Runs a module in a process of its own, without permissions: for what may end the process.
 *
 * @param module address of the module
 * @param input text on its standard input
 * @param timeoutMs time after which the process is ended, in milliseconds
 * @returns null where {@linkcode mayRunModules} says no, or where it cannot be started
 */
export async function runModule(
  module: URL,
  { input = "", timeoutMs = 120_000 }: { input?: string; timeoutMs?: number } = {},
): Promise<SubprocessResult | null> {
  if (!mayRunModules()) return null;
  const flags = ["--quiet", "--no-prompt", "--no-check", "--no-config", "--no-lock"];
  const origin = module.protocol === "file:" ? [] : [`--allow-import=${module.host}`];
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
