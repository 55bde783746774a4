import { UserError } from "../errors.ts";
import { hubClient } from "./client.ts";
import { asTransient, get, Watchdog, withRetries } from "./http.ts";
import { describeRepo, type Repo } from "./repo.ts";
import type { HubSettings } from "./settings.ts";

/** File of a repository. */
export interface RemoteFile {
  /** Path in the repository, with slashes; it never leads out of it. */
  path: string;
  /** Bytes. */
  size: number;
  /** ETag: the SHA-256 of a large file or Git's SHA-1 of a small one, in hexadecimal digits. */
  etag: string;
}

/** Files of a repository at a commit. */
export interface Listing {
  /** Commit, 40 hexadecimal digits. */
  commit: string;
  /** All files. */
  files: RemoteFile[];
}

/**
 * Asks the Hub for the commit of a revision and its files. The names become folders and files of
 * the cache, and are therefore checked.
 *
 * @throws {UserError} when the repository is missing, gated or private, with what to do; or when a
 *   path would lead out of the cache
 * @throws {HubUnreachableError} when there is no answer
 */
export async function listRepo(settings: HubSettings, repo: Repo): Promise<Listing> {
  const { datasetInfo, listFiles, modelInfo } = await hubClient();
  const connection = { hubUrl: settings.endpoint, fetch: hubFetch(settings, repo) };
  const query = { ...repo, ...connection, additionalFields: ["sha" as const] };
  try {
    const { sha: commit } = repo.type === "model"
      ? await modelInfo(query)
      : await datasetInfo(query);
    if (!/^[0-9a-f]{40}$/.test(commit)) throw new TypeError(`the commit is ${commit}`);
    const entries = listFiles({ repo, revision: commit, recursive: true, ...connection });
    const files: RemoteFile[] = [];
    for await (const { type, path, size, oid, lfs } of entries) {
      if (type === "file") files.push(checkFile({ path, size, etag: lfs?.oid ?? oid ?? "" }, repo));
    }
    return { commit, files };
  } catch (error) {
    if (error instanceof UserError) throw error;
    throw new UserError(
      `${settings.endpoint} does not answer as the Hub does when asked for ${describeRepo(repo)} (${
        (error as Error).message
      }): check HF_ENDPOINT and HTTPS_PROXY`,
      { cause: error },
    );
  }
}

/**
 * Makes a `fetch` for the Hub's library, with retries, explanations, and the token for the Hub's
 * host alone.
 */
function hubFetch(settings: HubSettings, repo: Repo): typeof fetch {
  return (input) =>
    withRetries(settings, repo, async () => {
      using watchdog = new Watchdog(settings.timeout);
      const response = await get(settings, repo, String(input), watchdog);
      try {
        // Read here, so that a body which breaks off is tried again, too.
        return new Response(await response.arrayBuffer(), response);
      } catch (error) {
        throw asTransient(error, true);
      }
    }, { first: true });
}

function checkFile(file: RemoteFile, repo: Repo): RemoteFile {
  const { path, size, etag } = file;
  const isInside = path.split("/").every((part) =>
    // deno-lint-ignore no-control-regex -- a NUL ends a path in the system's calls
    part !== "" && part !== "." && part !== ".." && !/[\\:\u0000]/.test(part)
  );
  if (!isInside) {
    throw new UserError(
      `${repo.name} has a file called ${
        JSON.stringify(path)
      }, which would lead out of the cache: ` +
        "nothing was downloaded; do not use this repository",
    );
  }
  if (!/^([0-9a-f]{40}|[0-9a-f]{64})$/.test(etag) || !Number.isSafeInteger(size) || size < 0) {
    throw new TypeError(`${path} has the hash ${JSON.stringify(etag)} and the size ${size}`);
  }
  return file;
}
