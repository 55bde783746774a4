import { UserError } from "../errors.ts";
import { hubClient } from "./client.ts";
import type { CommitOperation } from "../packages/hub.ts";
import { pushFetch } from "./push_fetch.ts";
import { describeRepo, type Repo, repoUrl } from "./repo.ts";
import type { HubSettings } from "./settings.ts";

/** File to push. */
export interface PushedFile {
  /** Path in the repository, with slashes. */
  path: string;
  /** Content of the file. */
  content: Blob;
}

/** Result of a push. */
export interface Pushed {
  /** Address of the repository's page, or of the branch's where it is not the default one. */
  url: string;
  /** The new commit, 40 hexadecimal digits. */
  commit: string;
}

/** Options of a push. */
export interface PushOptions {
  /** First line of the commit's message. */
  title: string;
  /** True for a private repository; else its owner's settings decide. */
  private: boolean;
  /** Paths that the same commit deletes, where they exist and are not among the files. */
  obsolete: readonly string[];
}

/**
 * Pushes files to a model's repository in one commit: all of them arrive, or none. The repository
 * and the branch `repo.revision` are made where they are missing; other files in them stay.
 *
 * @throws {UserError} when there is no token, the Hub refuses, or it cannot be reached, with what to
 *   do; or when a private repository is wanted and it is a public one
 */
export async function pushFiles(
  repo: Repo,
  files: readonly PushedFile[],
  { title, private: isPrivate, obsolete }: PushOptions,
  settings: HubSettings,
): Promise<Pushed> {
  const { endpoint, offline } = settings;
  if (offline) {
    throw new UserError(
      `HF_HUB_OFFLINE is set: to push to ${repo.name}, unset it where there is a network`,
    );
  }
  const accessToken = requireToken(settings);
  const target = { repo, hubUrl: endpoint, accessToken, fetch: pushFetch(settings, repo) };
  // Imported here, so that commands which need no Hub start without it.
  const { commit, createBranch, createRepo, listFiles } = await hubClient();
  try {
    const visibility = await findVisibility(repo, settings);
    if (visibility === "public" && isPrivate) {
      throw new UserError(
        `${repo.name} exists already and is public: leave out \`private\`, or make it private on ` +
          `${repoUrl(endpoint, repo)}/settings first; nothing was pushed`,
      );
    }
    if (visibility === null) {
      await createRepo({ ...target, ...isPrivate && { visibility: "private" } });
    }
    const branch = repo.revision;
    // Nothing happens to a branch that is there.
    if (branch !== "main") await createBranch({ ...target, branch, overwrite: true });
    const operations: CommitOperation[] = files.map((file) => ({
      operation: "addOrUpdate",
      ...file,
    }));
    const pushedPaths = new Set(files.map(({ path }) => path));
    for await (const { path } of listFiles({ ...target, revision: branch })) {
      if (obsolete.includes(path) && !pushedPaths.has(path)) {
        operations.push({ operation: "delete", path });
      }
    }
    const pushed = await commit({
      ...target,
      branch,
      operations,
      title,
      // The plain transfer of Git LFS: an adapter is too small to gain from Xet's pieces.
      useXet: false,
    });
    const hash = pushed?.commit.oid;
    if (!hash || !/^[0-9a-f]{40}$/.test(hash)) throw new TypeError(`the commit is ${hash}`);
    const page = repoUrl(endpoint, repo);
    return { url: branch === "main" ? page : `${page}/tree/${branch}`, commit: hash };
  } catch (error) {
    if (error instanceof UserError) throw error;
    throw new UserError(
      `${endpoint} does not answer as the Hub does when ${describeRepo(repo)} is pushed (${
        (error as Error).message
      }): check HF_ENDPOINT and HTTPS_PROXY`,
      { cause: error },
    );
  }
}

/** Asks whether the repository is public or private; null when it does not exist. */
async function findVisibility(
  repo: Repo,
  settings: HubSettings,
): Promise<"public" | "private" | null> {
  const { HubApiError, modelInfo } = await hubClient();
  const { endpoint: hubUrl, token } = settings;
  const fetch = pushFetch(settings, repo, { allowMissing: true });
  try {
    const info = await modelInfo({ name: repo.name, hubUrl, accessToken: token!, fetch });
    return info.private ? "private" : "public";
  } catch (error) {
    if (error instanceof HubApiError && error.statusCode === 404) return null;
    throw error;
  }
}

function requireToken({ endpoint, token }: HubSettings): string {
  const advice = `set HF_TOKEN to one with the right to write from ${endpoint}/settings/tokens`;
  if (token === null) throw new UserError(`there is no token to push with: ${advice}`);
  if (!token.startsWith("hf_")) {
    throw new UserError(`your token does not start with hf_ as the Hub's tokens do: ${advice}`);
  }
  return token;
}
