import { homedir } from "node:os";
import { join } from "node:path";

/** Temper's folder in the user's cache: `$XDG_CACHE_HOME/temper`, else `~/.cache/temper`. */
export function cacheDirectory(): string {
  return join(Deno.env.get("XDG_CACHE_HOME") || join(homedir(), ".cache"), "temper");
}
