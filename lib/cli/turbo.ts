import { assetUrl } from "../../assets.ts";
import { isTurbo, TURBO_VARIABLE, turboFlag } from "../device/turbo.ts";
import { UserError } from "../errors.ts";
import { stopSignals } from "./signals.ts";

/** Permissions of the child (-A), which the parent must have itself. */
const PERMISSIONS = ["read", "write", "net", "env", "run", "sys", "ffi"] as const;

/**
 * Restarts Temper with V8's turbo flags on the same terminal, and waits for it to end. A self-test runs
 * first: where this machine or this version of Deno fails it, nothing is started.
 *
 * @param args the command line, `--turbo` included
 * @param notice called with the reason, in one line, why there is no turbo
 * @returns the exit code of the child, or null if it was not started
 * @throws {UserError} when this process lacks a permission that the child needs
 */
export async function relaunchInTurbo(
  args: readonly string[],
  notice: (line: string) => void,
): Promise<number | null> {
  if (Deno.env.get(TURBO_VARIABLE) === "0") {
    notice("turbo does not work here: continuing without it");
    return null;
  }
  const flags = turboFlag();
  if (!PERMISSIONS.every((name) => Deno.permissions.querySync({ name }).state === "granted")) {
    throw new UserError(
      `--turbo restarts Deno, which needs -A: grant it, or run Deno with ${TURBO_VARIABLE}=1 and ${flags}`,
    );
  }
  const reason = await selfTest(flags);
  if (reason) {
    notice(`turbo does not work here (${reason}): continuing without it`);
    return null;
  }
  const child = new Deno.Command(Deno.execPath(), {
    args: ["run", "-A", flags, Deno.mainModule, ...args],
    env: { [TURBO_VARIABLE]: "1" },
    stdin: "inherit",
    stdout: "inherit",
    stderr: "inherit",
  }).spawn();
  // Ctrl-C reaches the child from the terminal: this process only waits for its exit code.
  const listeners = stopSignals().map((name) =>
    [name, () => name === "SIGTERM" && child.kill(name)] as const
  );
  for (const [name, listener] of listeners) Deno.addSignalListener(name, listener);
  try {
    return (await child.status).code;
  } finally {
    for (const [name, listener] of listeners) Deno.removeSignalListener(name, listener);
  }
}

/**
 * Checks that the settings of a file ask for turbo only where this process was started for it.
 *
 * @throws {UserError} when it was not
 */
export function checkTurbo({ turbo }: { turbo: boolean }): void {
  if (!turbo || isTurbo()) return;
  throw new UserError(
    "turbo is decided when the process starts: give --turbo on the command line, not in a file",
  );
}

/** Runs the self-test; returns the reason why turbo does not work, or null if it does. */
async function selfTest(flags: string): Promise<string | null> {
  const script = assetUrl("lib/doctor/turbo_self_test.ts").href;
  const { success, stdout, stderr } = await new Deno.Command(Deno.execPath(), {
    args: ["run", "-A", flags, script],
    stdin: "null",
  }).output();
  const said = new TextDecoder().decode(stdout).trim();
  if (success && said === "ok") return null;
  const complaint = new TextDecoder().decode(stderr).trim().split("\n")[0];
  return said || complaint || "the self-test crashed";
}
