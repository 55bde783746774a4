import { UserError } from "../errors.ts";
import { isTurbo, TURBO_VARIABLE, turboFlag } from "./turbo.ts";

/** Checks that this process was started in turbo mode. @throws {UserError} when it was not */
export function requireTurbo(): void {
  if (isTurbo()) return;
  throw new UserError(
    `\`turbo\` is decided when the process starts: start it with ${TURBO_VARIABLE}=1 and Deno's ` +
      `flag ${turboFlag()}`,
  );
}
