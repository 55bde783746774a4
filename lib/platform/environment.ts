import { homedir } from "node:os";

/** Value of an environment variable, undefined where it is not set. @throws where reading it is not allowed */
export function environmentVariable(name: string): string | undefined {
  return Deno.env.get(name);
}

/** Returns an environment variable that may be read without asking for permission, else undefined. */
export function allowedVariable(name: string): string | undefined {
  const { state } = Deno.permissions.querySync({ name: "env", variable: name });
  return state === "granted" ? Deno.env.get(name) : undefined;
}

/** The user's home folder. */
export function homeFolder(): string {
  return homedir();
}
