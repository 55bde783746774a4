import { UserError } from "../errors.ts";

/**
 * Imports a package that is fetched only when it is asked for, for it is large and has native code.
 *
 * @param user whatever needs it, for the message
 * @param specifier `npm:name@version`, which no tool is to resolve ahead
 * @throws {UserError} when it does not load
 */
export async function importNativePackage<Module>(
  user: string,
  specifier: string,
): Promise<Module> {
  try {
    return await import(specifier);
  } catch (cause) {
    const reason = (cause as Error).message.split("\n")[0];
    throw new UserError(
      `${user} needs ${specifier}, which does not load (it needs the network once, and Deno's ` +
        `permission ffi): ${reason}`,
      { cause },
    );
  }
}
