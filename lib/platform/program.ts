import { availableParallelism, hostname, totalmem } from "node:os";
import type { GitCommit, ProgramFacts } from "./interfaces.ts";

/** Describes this process. */
export function programFacts(): ProgramFacts {
  return {
    command: [...Deno.args],
    versions: { ...Deno.version },
    machine: {
      os: Deno.build.os,
      arch: Deno.build.arch,
      cpus: availableParallelism(),
      memory: totalmem(),
    },
  };
}

/** Name of this machine. */
export function machineName(): string {
  return hostname();
}

/** Asks Git; null outside a repository, without Git, and where running it needs a question. */
export async function gitCommit(): Promise<GitCommit | null> {
  const permission = await Deno.permissions.query({ name: "run", command: "git" });
  if (permission.state !== "granted") return null;
  const git = async (...args: string[]) => {
    const { success, stdout } = await new Deno.Command("git", { args, stderr: "null" }).output();
    return success ? new TextDecoder().decode(stdout).trim() : null;
  };
  try {
    const commit = await git("rev-parse", "HEAD");
    return commit === null ? null : { commit, dirty: await git("status", "--porcelain") !== "" };
  } catch {
    return null;
  }
}
