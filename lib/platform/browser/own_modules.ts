/** Modules that are imported by their paths in the repository, which a bundle does not have. */
const modules = new Map<string, () => Promise<unknown>>();

/** Makes modules known by their paths. A bundle's entry calls it before anything else runs. */
export function provideModules(own: Readonly<Record<string, () => Promise<unknown>>>): void {
  for (const [path, load] of Object.entries(own)) modules.set(path, load);
}

/** Imports a module of the bundle's own by its path. @throws {Error} when the bundle lacks it */
export async function importOwn(path: string): Promise<unknown> {
  const load = modules.get(path);
  if (!load) throw new Error(`${path} is not in the browser's build`);
  return await load();
}
