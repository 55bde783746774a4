const variables = new Map<string, string>();

/** Sets variables, of which a page has none by itself. An empty one counts as not set. */
export function setVariables(values: Readonly<Record<string, string>>): void {
  for (const [name, value] of Object.entries(values)) variables.set(name, value);
}

/** Reads a variable, undefined where it is not set. */
export function environmentVariable(name: string): string | undefined {
  return variables.get(name);
}

/** As {@linkcode environmentVariable}: a page need not ask. */
export function allowedVariable(name: string): string | undefined {
  return variables.get(name);
}

/** Home folder of the user, in the page's own files. */
export function homeFolder(): string {
  return "/home";
}

/** A page need not ask for its home folder. */
export function mayFindHome(): boolean {
  return true;
}

/** Sets a variable that is not set. */
export function setVariableIfUnset(name: string, value: string): void {
  if (!variables.get(name)) variables.set(name, value);
}
