import { dirname, join, relative } from "../platform/paths.ts";
import { UserError } from "../errors.ts";
import { writeFileAtomic } from "../platform/atomic_write.ts";
import { readTextIfThere } from "../platform/optional_text.ts";
import { ioReason } from "../platform/io_error.ts";
import type { RemoteFile } from "./listing.ts";
import { PartialFile } from "./partial_file.ts";
import type { Repo } from "./repo.ts";
import type { HubSettings } from "./settings.ts";

/**
 * Folder of a repository in the cache, as huggingface_hub lays it out:
 *
 * ```
 * models--org--name/blobs/<etag>                 the contents
 *                   refs/<revision>              the commit that a branch or tag was
 *                   snapshots/<commit>/<path>    links to the blobs
 * ```
 */
export class RepoCache {
  /** Folder of the repository. */
  readonly folder: string;
  /**
   * Folder of the locks by which processes that download into the same cache, also Python's, take
   * turns.
   */
  private readonly locks: string;

  /** Names the folder; nothing is created. */
  constructor({ cacheDir }: Pick<HubSettings, "cacheDir">, { type, name }: Repo) {
    const folder = `${type}s--${name.replace("/", "--")}`;
    this.folder = join(cacheDir, folder);
    this.locks = join(cacheDir, ".locks", folder);
  }

  /** Returns the folder of a commit's files. */
  snapshot(commit: string): string {
    return join(this.folder, "snapshots", commit);
  }

  /** Returns the path of a file's contents. */
  blob({ etag }: RemoteFile): string {
    return join(this.folder, "blobs", etag);
  }

  /**
   * Finds the snapshot that a revision was when it was last downloaded; null when there is none.
   */
  async find(revision: string): Promise<string | null> {
    const commit = /^[0-9a-f]{40}$/.test(revision)
      ? revision
      : (await readTextIfThere(this.#ref(revision)))?.trim();
    if (!commit || !/^[0-9a-f]{40}$/.test(commit)) return null;
    const folder = this.snapshot(commit);
    return await sizeOf(folder) === null ? null : folder;
  }

  /** Path of a file's contents while they arrive. */
  incomplete(file: RemoteFile): string {
    return `${this.blob(file)}.incomplete`;
  }

  /** Tells whether the contents of a file are here. */
  async hasBlob(file: RemoteFile): Promise<boolean> {
    return await sizeOf(this.blob(file)) === file.size;
  }

  /** Opens what has arrived of a file's contents. @throws {UserError} */
  async openPartial(file: RemoteFile): Promise<PartialFile> {
    const path = this.incomplete(file);
    return await inCache(path, async () => {
      await Deno.mkdir(dirname(path), { recursive: true });
      return await PartialFile.open(path, file);
    });
  }

  /** Gives contents that have arrived as a whole their name. @throws {UserError} */
  async complete(file: RemoteFile): Promise<void> {
    const blob = this.blob(file);
    await inCache(blob, () => Deno.rename(this.incomplete(file), blob));
  }

  /** Tells whether a snapshot has the whole of a file. */
  async has(commit: string, file: RemoteFile): Promise<boolean> {
    return await sizeOf(join(this.snapshot(commit), file.path)) === file.size;
  }

  /**
   * Puts a downloaded file into a snapshot: as a link, or as a copy where links are not possible.
   */
  async link(commit: string, file: RemoteFile): Promise<void> {
    const path = join(this.snapshot(commit), file.path);
    const blob = this.blob(file);
    await inCache(path, async () => {
      await Deno.mkdir(dirname(path), { recursive: true });
      // A link to a blob that was deleted, or a copy that was cut off.
      await Deno.remove(path).catch(ignoreNotFound);
      // Deno lets symbolic links be made only where all files may be read and written, Windows only in
      // its developer mode; file systems without links of any kind get a copy.
      try {
        await Deno.symlink(relative(dirname(path), blob), path);
      } catch {
        await Deno.link(blob, path).catch(async () => {
          const copy = `${path}.incomplete`;
          await Deno.copyFile(blob, copy);
          await Deno.rename(copy, path);
        });
      }
    });
  }

  /** Notes the commit of a branch or tag; older snapshots stay. */
  async setRef(revision: string, commit: string): Promise<void> {
    if (revision === commit) return;
    const path = this.#ref(revision);
    await inCache(path, () => Deno.mkdir(dirname(path), { recursive: true }));
    await writeFileAtomic(path, commit);
  }

  /** Calls `body` while no other process downloads the same file. */
  async locked<T>({ etag }: RemoteFile, body: () => Promise<T>): Promise<T> {
    const path = join(this.locks, `${etag}.lock`);
    using lock = await inCache(path, async () => {
      await Deno.mkdir(this.locks, { recursive: true });
      const file = await Deno.open(path, { write: true, create: true });
      await file.lock(true);
      return file;
    });
    void lock; // closing it, at the end of this block, also unlocks it
    return await body();
  }

  #ref(revision: string): string {
    return join(this.folder, "refs", revision);
  }
}

/** Returns the size of a file in bytes, links followed; null when there is none. */
async function sizeOf(path: string): Promise<number | null> {
  try {
    return (await Deno.stat(path)).size;
  } catch {
    return null;
  }
}

/** Writes to the cache, and explains what goes wrong. @throws {UserError} naming path and reason */
export async function inCache<T>(path: string, body: () => Promise<T>): Promise<T> {
  try {
    return await body();
  } catch (error) {
    if (error instanceof UserError) throw error;
    throw new UserError(
      `cannot write to the cache, ${path}: ${ioReason(error)}; HF_HOME names another place for it`,
      { cause: error },
    );
  }
}

function ignoreNotFound(error: unknown): void {
  if (!(error instanceof Deno.errors.NotFound)) throw error;
}
