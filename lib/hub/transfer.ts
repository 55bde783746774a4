import { UserError } from "../errors.ts";
import { inCache, type RepoCache } from "./cache.ts";
import { asTransient, get, TransientError, Watchdog, withRetries } from "./http.ts";
import type { RemoteFile } from "./listing.ts";
import type { PartialFile } from "./partial_file.ts";
import { type Repo, repoUrl } from "./repo.ts";
import type { HubSettings } from "./settings.ts";

/** Maximum number of times that a file may arrive damaged. */
const DAMAGED_TRIES = 2;

/** Download of a file. */
export interface Transfer {
  /** Settings of the Hub. */
  settings: HubSettings;
  /** Repository of the file. */
  repo: Repo;
  /** Commit of the file. */
  commit: string;
  /** File to download. */
  file: RemoteFile;
  /** Folder that it is written to. */
  cache: RepoCache;
  /** Signal that ends the download. */
  signal: AbortSignal;
  /** Called with the number of bytes that have arrived, when it changes. */
  arrived(bytes: number): void;
}

/**
 * Downloads the contents of a file into its blob, unless it is there. Bytes arrive in
 * `<blob>.incomplete`, from where an interrupted download goes on; only when their number and hash
 * are right does the file get its name.
 *
 * @throws {UserError} when the Hub refuses, the contents stay damaged, or the disk fails
 * @throws {HubUnreachableError} when the connection does, however often it is tried
 */
export async function downloadBlob(transfer: Transfer): Promise<void> {
  const { cache, file, arrived } = transfer;
  await cache.locked(file, async () => {
    if (await cache.hasBlob(file)) return;
    await downloadVerified(transfer);
    await cache.complete(file);
  });
  arrived(file.size);
}

/** Downloads the whole file, and verifies its hash. */
async function downloadVerified(transfer: Transfer): Promise<void> {
  const { file, repo, cache, arrived } = transfer;
  const path = cache.incomplete(file);
  using partial = await cache.openPartial(file);
  arrived(partial.length);
  for (let tries = 1;; tries++) {
    await downloadRest(transfer, partial);
    if (await inCache(path, () => partial.verify())) return;
    await inCache(path, () => partial.restart());
    arrived(0);
    if (tries === DAMAGED_TRIES) {
      throw new UserError(
        `${file.path} of ${repo.name} arrived damaged ${tries} times (its hash is not ` +
          `${file.etag}): a proxy or mirror on the way changes it; check HTTPS_PROXY and HF_ENDPOINT`,
      );
    }
  }
}

/** Downloads the missing bytes, in as many connections as needed. */
async function downloadRest(transfer: Transfer, partial: PartialFile): Promise<void> {
  const { settings, repo, commit, file } = transfer;
  const path = file.path.split("/").map(encodeURIComponent).join("/");
  const url = `${repoUrl(settings.endpoint, repo)}/resolve/${commit}/${path}`;
  let furthest = partial.length;
  await withRetries(
    settings,
    repo,
    async () => {
      if (partial.length === file.size) return;
      using watchdog = new Watchdog(settings.timeout, transfer.signal);
      try {
        const response = await get(settings, repo, url, watchdog, { start: partial.length });
        await receive(transfer, partial, response, watchdog);
      } catch (error) {
        // The download was given up: that is no reason to try again.
        transfer.signal.throwIfAborted();
        throw error;
      }
      if (partial.length < file.size) throw new TransientError(`${file.path} was cut off`);
    },
    {
      signal: transfer.signal,
      progressed() {
        const progressed = partial.length > furthest;
        furthest = Math.max(furthest, partial.length);
        return progressed;
      },
    },
  );
}

/** Appends a body to the file. */
async function receive(
  { file, cache, arrived }: Transfer,
  partial: PartialFile,
  response: Response,
  watchdog: Watchdog,
): Promise<void> {
  const path = cache.incomplete(file);
  const range = response.headers.get("content-range");
  if (response.status === 206 && !range?.startsWith(`bytes ${partial.length}-`)) {
    await response.body?.cancel();
    throw new TransientError(`byte ${partial.length} was asked for and ${range} sent`);
  }
  // Not every server knows ranges: one that does not begins at the beginning.
  if (response.status === 200) await inCache(path, () => partial.restart());
  if (!response.body) return;
  await using body = new BodyReader(response.body);
  for (let bytes; (bytes = await body.read()) !== null;) {
    watchdog.reset();
    if (partial.length + bytes.length > file.size) {
      await inCache(path, () => partial.restart());
      throw new TransientError(`${file.path} is longer than its ${file.size} bytes`);
    }
    const chunk = bytes;
    await inCache(path, () => partial.append(chunk));
    arrived(partial.length);
  }
}

/** Reader of a body that always releases the connection. */
class BodyReader implements AsyncDisposable {
  readonly #reader: ReadableStreamDefaultReader<Uint8Array>;

  constructor(body: ReadableStream<Uint8Array>) {
    this.#reader = body.getReader();
  }

  /** Reads the next bytes, null at the end. @throws {TransientError} when the connection breaks */
  async read(): Promise<Uint8Array | null> {
    try {
      const { value } = await this.#reader.read();
      return value ?? null;
    } catch (error) {
      throw asTransient(error, true);
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#reader.cancel().catch(() => {});
  }
}
