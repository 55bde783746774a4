import { pathToFileURL } from "./paths.ts";

/** Imports a module of the user's. */
export async function importFile(path: string): Promise<Record<string, unknown>> {
  return await import(pathToFileURL(path).href);
}
