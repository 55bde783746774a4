import { UserError } from "../errors.ts";
import { allowedVariable } from "../platform/environment.ts";

/**
 * V8's flags of the turbo mode. The revectorizer makes one 256-bit operation of two 128-bit ones, but
 * only where WASM's bounds checks are off: an access out of range would then not trap but reach the
 * process's memory. They can be set when the process starts, not later.
 */
export const TURBO_FLAGS: readonly string[] = [
  "--experimental-wasm-revectorize",
  "--no-wasm-bounds-checks",
];

/** The flag of `deno run` that sets {@linkcode TURBO_FLAGS}. */
export function turboFlag(): string {
  return `--v8-flags=${TURBO_FLAGS.join(",")}`;
}

/** The environment variable that says that this process was started with {@linkcode TURBO_FLAGS}. */
export const TURBO_VARIABLE = "TEMPER_TURBO";

/** Tells processes that were started in turbo mode. */
export function isTurbo(): boolean {
  return allowedVariable(TURBO_VARIABLE) === "1";
}

/**
 * Keeps WebAssembly that is not ours out of a process without bounds checks.
 *
 * @param what would be run, for the message
 * @throws {UserError} in turbo mode
 */
export function refuseForeignWasm(what: string): void {
  if (!isTurbo()) return;
  throw new UserError(
    `${what} cannot be run with \`turbo\`, which switches WebAssembly's bounds checks off: leave it out`,
  );
}
