import { RepoCache } from "./cache.ts";
import { HubUnreachableError } from "./http.ts";
import { listRepo, type RemoteFile } from "./listing.ts";
import { neededFiles } from "./needed_files.ts";
import { describeRepo, type Repo } from "./repo.ts";
import { type HubSettings, hubSettings } from "./settings.ts";
import { downloadBlob } from "./transfer.ts";
import { UserError } from "../errors.ts";

/** Progress of a repository's download. */
export interface DownloadProgress {
  /** `org/name`. */
  repo: string;
  /** Bytes downloaded so far, or present before. */
  loaded: number;
  /** Bytes of all files that are needed. */
  total: number;
}

/** Callbacks of a download. */
export interface DownloadHooks {
  /** Called when bytes arrive: once before the first, and not at all when nothing is missing. */
  downloading?(progress: DownloadProgress): void;
  /**
   * Called with a line that says so when the Hub cannot be reached and an earlier download is used.
   */
  outdated?(notice: string): void;
}

/** Number of files downloaded at the same time. */
const PARALLEL_FILES = 4;

/**
 * Downloads the files of a repository that Temper reads into the cache, where they are missing.
 * The cache is shared with Python's huggingface_hub.
 *
 * An earlier download is used when the Hub cannot be reached, or HF_HUB_OFFLINE is set.
 *
 * @returns the folder of the files
 * @throws {UserError} when the repository is missing, gated, private, empty or not in the cache, or
 *   when a file arrives damaged, with what to do
 */
export async function downloadRepo(
  repo: Repo,
  hooks: DownloadHooks = {},
  settings: HubSettings = hubSettings(),
): Promise<string> {
  const cache = new RepoCache(settings, repo);
  const cached = await cache.find(repo.revision);
  if (settings.offline) {
    if (cached) return cached;
    throw new UserError(
      `HF_HUB_OFFLINE is set and ${describeRepo(repo)} is not in the cache (${cache.folder}): ` +
        `download it where there is a network and copy the cache here, or unset HF_HUB_OFFLINE`,
    );
  }
  try {
    return await update(repo, cache, hooks, settings);
  } catch (error) {
    if (!(error instanceof HubUnreachableError) || !cached) throw error;
    hooks.outdated?.(`${error.message}; until then, ${describeRepo(repo)} is the one in ${cached}`);
    return cached;
  }
}

async function update(
  repo: Repo,
  cache: RepoCache,
  hooks: DownloadHooks,
  settings: HubSettings,
): Promise<string> {
  const { commit, files } = await listRepo(settings, repo);
  const needed = neededFiles(repo, files);
  if (needed.length === 0) throw nothingToUse(repo, files);
  const missing: RemoteFile[] = [];
  for (const file of needed) if (!await cache.has(commit, file)) missing.push(file);

  const total = sum(needed.map(({ size }) => size));
  const arrived = new Map(missing.map((file) => [file, 0]));
  const present = total - sum(missing.map(({ size }) => size));
  let reported = -1;
  const report = () => {
    const loaded = present + sum(arrived.values());
    if (loaded !== reported) hooks.downloading?.({ repo: repo.name, loaded, total });
    reported = loaded;
  };
  if (missing.length > 0) report();
  await inParallel(missing, async (file, signal) => {
    await downloadBlob({
      settings,
      repo,
      commit,
      file,
      cache,
      signal,
      arrived(bytes) {
        arrived.set(file, bytes);
        report();
      },
    });
    await cache.link(commit, file);
  });
  // Only now: a download that was interrupted leaves the last whole one in its place.
  await cache.setRef(repo.revision, commit);
  return cache.snapshot(commit);
}

/** Calls `task` for every item, a few at a time; the first failure ends them all and is thrown. */
async function inParallel<T>(
  items: readonly T[],
  task: (item: T, signal: AbortSignal) => Promise<void>,
): Promise<void> {
  const abort = new AbortController();
  const waiting = items.values();
  await Promise.all(Array.from({ length: PARALLEL_FILES }, async () => {
    for (const item of waiting) {
      if (abort.signal.aborted) return;
      await task(item, abort.signal).catch((error) => abort.abort(error));
    }
  }));
  abort.signal.throwIfAborted();
}

function sum(values: Iterable<number>): number {
  let total = 0;
  for (const value of values) total += value;
  return total;
}

function nothingToUse(repo: Repo, files: readonly RemoteFile[]): UserError {
  const names = files.slice(0, 8).map(({ path }) => path).join(", ") +
    (files.length > 8 ? ", …" : "");
  const wanted = repo.type === "model"
    ? "a model's config.json and weights, or an adapter's"
    : "a data file";
  return new UserError(
    `${repo.name} has no file that can be used (${wanted}), only ${names || "nothing"}`,
  );
}
