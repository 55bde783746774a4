import { environmentVariable, homeFolder } from "./environment.ts";
import { join } from "./paths.ts";

/** Temper's folder in the user's cache: `$XDG_CACHE_HOME/temper`, else `~/.cache/temper`. */
export function cacheDirectory(): string {
  return join(environmentVariable("XDG_CACHE_HOME") || join(homeFolder(), ".cache"), "temper");
}
