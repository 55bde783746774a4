import { UserError } from "../../errors.ts";

/** Refuses: a page loads nothing but the files beside the module. @throws {UserError} always */
export function importNativePackage<Module>(user: string, specifier: string): Promise<Module> {
  const message = `${user} needs ${specifier}, which is not loaded in a browser: train on a ` +
    "machine with Deno";
  return Promise.reject(new UserError(message));
}
