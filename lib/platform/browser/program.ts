import type { GitCommit, ProgramFacts } from "../interfaces.ts";

/** Describes the browser. */
export function programFacts(): ProgramFacts {
  const { userAgent, platform, hardwareConcurrency } = navigator;
  const { deviceMemory } = navigator as { deviceMemory?: number };
  return {
    command: [],
    versions: { browser: userAgent },
    machine: {
      os: platform,
      arch: "browser",
      cpus: hardwareConcurrency,
      // In steps, and 8 GiB at the most: browsers say no more.
      ...(deviceMemory === undefined ? {} : { memory: deviceMemory * 2 ** 30 }),
    },
  };
}

/** Browsers do not tell the machine's name. */
export function machineName(): string {
  return "browser";
}

/** A page is in no repository. */
export function gitCommit(): Promise<GitCommit | null> {
  return Promise.resolve(null);
}
