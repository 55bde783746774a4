import { UserError } from "../errors.ts";

/** The Hub keeps models (adapters among them) and datasets apart. */
export type RepoType = "model" | "dataset";

/** What is wanted of the Hub: a model or adapter, a model in ONNX form, or a dataset. */
export type Wanted = "model" | "onnx" | "dataset";

/** A repository of the Hub, at a revision. */
export interface Repo {
  /** Models and adapters, or datasets. */
  type: RepoType;
  /** `org/name`. */
  name: string;
  /** A branch, a tag or a commit. */
  revision: string;
  /** Whether a model's ONNX form is wanted, rather than its weights. */
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
 * As {@linkcode parseRepo}, for a text that can be nothing else.
 *
 * @throws {UserError} when it is no repository's name
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

/** The parts of a revision become folders in the cache: none may lead out of it. */
function isRevision(revision: string): boolean {
  return /^[\w.+-]+(\/[\w.+-]+)*$/.test(revision) && !/(^|\/)\.{1,2}(\/|$)/.test(revision);
}

/** The repository as messages name it. */
export function describeRepo({ type, name, revision }: Repo): string {
  return `the ${type} ${name}${revision === DEFAULT_REVISION ? "" : `@${revision}`}`;
}

/** The repository's page, for people; also where its files' addresses start. */
export function repoUrl(endpoint: string, { type, name }: Repo): string {
  return `${endpoint}/${type === "dataset" ? "datasets/" : ""}${name}`;
}
