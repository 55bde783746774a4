import { join } from "node:path";
import { ROOT } from "../../scripts/program.ts";

/** Debian's user without rights. */
export const NOBODY = 65534;

/** How a program ended. */
export interface Outcome {
  code: number;
  stdout: string;
  stderr: string;
}

/** Runs a program to its end. */
export async function start(command: string, args: string[], cwd: string): Promise<Outcome> {
  const { code, stdout, stderr } = await new Deno.Command(command, { args, cwd }).output();
  const text = (bytes: Uint8Array) => new TextDecoder().decode(bytes);
  return { code, stdout: text(stdout), stderr: text(stderr) };
}

/** Tells if a command can be run here. */
async function works(command: string, ...args: string[]): Promise<boolean> {
  try {
    return (await start(command, args, ROOT)).code === 0;
  } catch {
    return false;
  }
}

/** Another user, where this one may become it; no network, where it can be taken away. */
export async function confinement(): Promise<{ user: string[]; network: string[] }> {
  const user = ["setpriv", `--reuid=${NOBODY}`, `--regid=${NOBODY}`, "--clear-groups"];
  const network = ["unshare", "--net"];
  return {
    user: await works(user[0], ...user.slice(1), "true") ? user : [],
    network: await works(network[0], ...network.slice(1), "true") ? network : [],
  };
}

/**
 * Gives a confined program the shaders that Mesa has compiled for this user. Software drivers compile
 * doctor's kernels for 40 s of processor time, and every program without this cache does it again.
 *
 * @param cache folder that the program has for caches
 * @returns variable of its environment, since Mesa looks into no home but that of /etc/passwd
 */
export async function shareCompiledShaders(
  cache: string,
  user: readonly string[],
): Promise<string> {
  const home = Deno.env.get("XDG_CACHE_HOME") ?? join(Deno.env.get("HOME") ?? ROOT, ".cache");
  const compiled = join(cache, "mesa_shader_cache");
  // Whatever is there: other programs may be writing into it, and none of it has to be copied.
  await start("cp", ["-r", join(home, "mesa_shader_cache"), cache], ROOT);
  await Deno.mkdir(compiled, { recursive: true });
  if (user.length > 0) await start("chown", ["-R", `${NOBODY}:${NOBODY}`, compiled], ROOT);
  return `MESA_SHADER_CACHE_DIR=${cache}`;
}
