import { homedir } from "node:os";

/**
 * Reads an environment variable, undefined where it is not set.
 *
 * @throws where reading it is not allowed
 */
export function environmentVariable(name: string): string | undefined {
  return Deno.env.get(name);
}

/**
 * Reads an environment variable if that is allowed without asking for permission, else returns
 * undefined.
 */
export function allowedVariable(name: string): string | undefined {
  const { state } = Deno.permissions.querySync({ name: "env", variable: name });
  return state === "granted" ? Deno.env.get(name) : undefined;
}

/** Home folder of the user. */
export function homeFolder(): string {
  return homedir();
}

/** Tells whether {@linkcode homeFolder} works without asking for permission. */
export function mayFindHome(): boolean {
  return Deno.permissions.querySync({ name: "sys", kind: "homedir" }).state === "granted";
}

/** Sets an environment variable that is not set, where that is allowed without asking for permission. */
export function setVariableIfUnset(name: string, value: string): void {
  const { state } = Deno.permissions.querySync({ name: "env", variable: name });
  if (state === "granted" && !Deno.env.get(name)) Deno.env.set(name, value);
}
