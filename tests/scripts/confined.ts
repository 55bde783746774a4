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
