/**
 * The command line: `deno run -A cli.ts --help`.
 *
 * @module
 */
import { main } from "./lib/cli/main.ts";

// Not awaited: where nothing is left to wait for, Deno would report the await, with its stack.
if (import.meta.main) main(Deno.args).then(Deno.exit);
