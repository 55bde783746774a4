import { availableParallelism, totalmem } from "node:os";

/** Facts about the program that is running, and the machine that it runs on. */
export interface ProgramFacts {
  /** Arguments of the command line. */
  readonly command: string[];
  /** Versions of what runs the program. */
  readonly versions: Record<string, string>;
  /** Machine: `os`, `arch`, `cpus`, and `memory` in bytes. */
  readonly machine: Record<string, string | number>;
}

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

/** Commit of the working folder's Git repository; `dirty` with changes on top. */
export interface GitCommit {
  commit: string;
  dirty: boolean;
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
