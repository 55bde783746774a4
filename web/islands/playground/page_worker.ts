import type { StartOptions, TemperWorker } from "../../../lib/browser/page.ts";

/** Maximum number of lines that are kept of what a worker told. */
const LINES = 30;

/** Loads the module beside the page, and starts a worker of it. */
export async function startWorker(options: StartOptions = {}): Promise<TemperWorker> {
  // A variable, so that the module stays out of this one's bundle.
  const address = new URL("temper.js", document.baseURI).href;
  const module: { TemperWorker: typeof TemperWorker } = await import(address);
  return await module.TemperWorker.start(options);
}

/** The latest lines of what a worker told, with a further text. */
export function withText(lines: readonly string[], text: string): string[] {
  return [...lines, ...text.split("\n")].slice(-LINES);
}
