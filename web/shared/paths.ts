/** Page of a run: the end of its address. */
export type RunTab = "" | "/samples" | "/comparison" | "/settings" | "/try";

/** Address of a run's page. */
export function runPath(id: string, tab: RunTab = ""): string {
  return `/runs/${encodeURIComponent(id)}${tab}`;
}

/** Address with parameters; empty ones are left out. */
export function withQuery(path: string, parameters: Record<string, string | number>): string {
  const given = Object.entries(parameters).filter(([, value]) => value !== "");
  if (given.length === 0) return path;
  return `${path}?${new URLSearchParams(given.map(([name, value]) => [name, String(value)]))}`;
}
