import { UserError } from "../errors.ts";

/** Kind of a repository. Adapters count as models. */
export type RepoType = "model" | "dataset";

/** Kind of content on the Hub: a model or adapter, a model in ONNX form, or a dataset. */
export type Wanted = "model" | "onnx" | "dataset";

/** Repository of the Hub, at a revision. */
export interface Repo {
  /** Kind of the repository. */
  type: RepoType;
  /** `org/name`. */
  name: string;
  /** Branch, tag or commit. */
  revision: string;
  /** True where a model's ONNX form is preferred to its weights. */
  onnx: boolean;
}

const DEFAULT_REVISION = "main";

/**
 * Reads `org/name` or `org/name@revision`, by the Hub's own rules for names.
 *
 * @returns null when the text is neither, as a path with more or fewer parts
 */
export function parseRepo(wanted: Wanted, text: string): Repo | null {
  const [, name, revision = DEFAULT_REVISION] = text.match(/^([^@]+)(?:@(.+))?$/) ?? [];
  if (name === undefined || !isRepoName(name) || !isRevision(revision)) return null;
  const onnx = wanted === "onnx";
  return { type: onnx ? "model" : wanted, name, revision, onnx };
}

/**
 * Reads a repository's name, as {@linkcode parseRepo}, where nothing else is possible.
 *
 * @throws {UserError} when it is not a repository's name
 */
export function requireRepo(wanted: Wanted, text: string): Repo {
  const repo = parseRepo(wanted, text);
  if (repo) return repo;
  throw new UserError(
    `${
      JSON.stringify(text)
    } is not a repository of the Hub: expected org/name or org/name@revision`,
    { exitCode: 2 },
  );
}

function isRepoName(name: string): boolean {
  return name.length <= 96 && /^\w[\w.-]*\/\w[\w.-]*$/.test(name) &&
    !/--|\.\.|[.-](\/|$)/.test(name);
}

/**
 * Tells whether a text can be a revision. Its parts become folders in the cache: none may lead out
 * of it.
 */
function isRevision(revision: string): boolean {
  return /^[\w.+-]+(\/[\w.+-]+)*$/.test(revision) && !/(^|\/)\.{1,2}(\/|$)/.test(revision);
}

/** Names a repository in messages. */
export function describeRepo({ type, name, revision }: Repo): string {
  return `the ${type} ${name}${revision === DEFAULT_REVISION ? "" : `@${revision}`}`;
}

/** Address of a repository's page, with which those of its files begin. */
export function repoUrl(endpoint: string, { type, name }: Repo): string {
  return `${endpoint}/${type === "dataset" ? "datasets/" : ""}${name}`;
}
