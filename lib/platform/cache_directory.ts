import { allowedVariable, environmentVariable, homeFolder, mayFindHome } from "./environment.ts";
import { mayRead } from "./files.ts";
import { join } from "./paths.ts";

/** Temper's folder in the user's cache: `$XDG_CACHE_HOME/temper`, else `~/.cache/temper`. */
export function cacheDirectory(): string {
  return join(environmentVariable("XDG_CACHE_HOME") || join(homeFolder(), ".cache"), "temper");
}

/** The same folder; null where finding or reading it would ask for permission. */
export function allowedCacheDirectory(): string | null {
  const named = allowedVariable("XDG_CACHE_HOME");
  if (!named && !mayFindHome()) return null;
  const folder = join(named || join(homeFolder(), ".cache"), "temper");
  return mayRead(folder) ? folder : null;
}
