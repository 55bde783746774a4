/** Paths of a page's files, which are those of POSIX; the working folder is the root. */

/** Last part of a path. */
export function basename(path: string): string {
  return stripSlashes(path).split("/").at(-1)!;
}

/** Path without its last part. */
export function dirname(path: string): string {
  const stripped = stripSlashes(path);
  const end = stripped.lastIndexOf("/");
  return end < 0 ? "." : stripped.slice(0, end).replace(/\/+$/, "") || "/";
}

/** Extension of a path's last part, with its dot; empty where there is none. */
export function extname(path: string): string {
  const name = basename(path);
  const dot = name.lastIndexOf(".");
  return dot <= 0 ? "" : name.slice(dot);
}

/** Joins parts of a path. */
export function join(...parts: string[]): string {
  const path = parts.filter((part) => part !== "").join("/");
  return path === "" ? "." : normalize(path);
}

/** Absolute path of parts, of which a later absolute one begins anew. */
export function resolve(...parts: string[]): string {
  const path = parts.reduce((base, part) => part.startsWith("/") ? part : `${base}/${part}`, "/");
  return stripSlashes(normalize(path));
}

/** Path that leads from a folder to another path. */
export function relative(from: string, to: string): string {
  const [start, end] = [from, to].map((path) => resolve(path).split("/").filter(Boolean));
  let same = 0;
  while (same < start.length && start[same] === end[same]) same++;
  return [...start.slice(same).map(() => ".."), ...end.slice(same)].join("/");
}

/** Path of a `file:` URL. */
export function fileURLToPath(url: string | URL): string {
  return decodeURIComponent(new URL(url).pathname);
}

/** `file:` URL of a path. */
export function pathToFileURL(path: string): URL {
  return new URL(`file://${resolve(path).split("/").map(encodeURIComponent).join("/")}`);
}

function normalize(path: string): string {
  const isAbsolute = path.startsWith("/");
  const parts: string[] = [];
  for (const part of path.split("/")) {
    if (part === "" || part === ".") continue;
    if (part !== "..") parts.push(part);
    else if (parts.length > 0 && parts.at(-1) !== "..") parts.pop();
    else if (!isAbsolute) parts.push("..");
  }
  const body = (isAbsolute ? "/" : "") + (parts.join("/") || (isAbsolute ? "" : "."));
  return path.endsWith("/") && !body.endsWith("/") ? `${body}/` : body;
}

function stripSlashes(path: string): string {
  return path.replace(/(?<=.)\/+$/, "");
}
