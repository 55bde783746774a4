import type { SubprocessResult } from "../interfaces.ts";

export type { SubprocessResult };

/** A page runs without Deno. */
export function denoVersion(): string {
  return "none";
}

/** A page starts no processes. */
export function mayRunModules(): boolean {
  return false;
}

/** As {@linkcode mayRunModules}. */
export function runModule(_module: URL): Promise<SubprocessResult | null> {
  return Promise.resolve(null);
}
