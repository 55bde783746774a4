import { UserError } from "../../errors.ts";

/** Refuses: a browser keeps WebAssembly's bounds checks. @throws {UserError} always */
export function requireTurbo(): void {
  throw new UserError("`turbo` is not available in a browser: leave it out");
}
