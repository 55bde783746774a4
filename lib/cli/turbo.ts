import { assetUrl } from "../../assets.ts";
import { isTurbo, TURBO_VARIABLE, turboFlag } from "../device/turbo.ts";
import { UserError } from "../errors.ts";

/** What the child is started with; the parent must have all of it to hand it on. */
const PERMISSIONS = ["read", "write", "net", "env", "run", "sys", "ffi"] as const;

/**
 * Starts Temper again with V8's turbo flags, on the same terminal, and waits for it. A self-test
 * runs first: where this machine or this version of Deno fails it, the caller goes on as it is.
 *
 * @param args the command line, `--turbo` and all
 * @param notice called with a line that says why there is no turbo
 * @returns the exit code of the child; null where it was not started
 * @throws {UserError} when this process may not do everything, and so cannot hand it on
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
  // Ctrl-C reaches the child from the terminal; this process only waits for how it ends.
  const wait = () => {};
  const terminate = () => child.kill("SIGTERM");
  Deno.addSignalListener("SIGINT", wait);
  Deno.addSignalListener("SIGTERM", terminate);
  try {
    return (await child.status).code;
  } finally {
    Deno.removeSignalListener("SIGINT", wait);
    Deno.removeSignalListener("SIGTERM", terminate);
  }
}

/**
 * Checks that settings of a file do not ask for what this process was not started for.
 *
 * @throws {UserError} when they ask for turbo
 */
export function checkTurbo({ turbo }: { turbo: boolean }): void {
  if (!turbo || isTurbo()) return;
  throw new UserError(
    "turbo is decided when the process starts: give --turbo on the command line, not in a file",
  );
}

/** Why turbo cannot be relied on; null when it can. */
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
