import { UserError } from "../../errors.ts";
import { BlobContents, type Contents } from "../../platform/browser/contents.ts";
import { files } from "../../platform/browser/file_tree.ts";
import { dirname, join } from "../../platform/browser/paths.ts";
import { StorageFolder } from "../../platform/browser/storage.ts";
import { ioReason } from "../../platform/io_error.ts";
import type { RemoteFile } from "../listing.ts";
import type { Repo } from "../repo.ts";
import type { HubSettings } from "../settings.ts";
import { PartialFile } from "./partial_file.ts";

/** Snapshots of a repository that are in the storage: `refs.json`. */
type Refs = Record<string, { commit: string; files: RemoteFile[] }>;

/**
 * Folder of a repository in the browser's storage, or in memory where there is none:
 *
 * ```
 * temper/hub/models--org--name/<etag>         the contents
 *                              <etag>.whole   an empty file, once they have arrived and been checked
 *                              refs.json      the snapshot that a branch or tag was
 * ```
 *
 * A snapshot is a folder of the page's files.
 */
export class RepoCache {
  /** Folder of the repository in the page's files. */
  readonly folder: string;
  readonly #name: string;
  readonly #linked: RemoteFile[] = [];
  /** Contents by their ETags, where there is no storage. */
  readonly #memory = new Map<string, Contents>();
  #storage: Promise<StorageFolder | null> | null = null;
  readonly #partial = new Map<string, PartialFile>();

  /** Names the folder; nothing is created. */
  constructor({ cacheDir }: Pick<HubSettings, "cacheDir">, { type, name }: Repo) {
    this.#name = `${type}s--${name.replace("/", "--")}`;
    this.folder = join(cacheDir, this.#name);
  }

  /** Returns the folder of a commit's files. */
  snapshot(commit: string): string {
    return join(this.folder, "snapshots", commit);
  }

  /** Path of a file's contents, for messages. */
  incomplete({ etag }: RemoteFile): string {
    return join(this.folder, etag);
  }

  /** Finds the snapshot that a revision was when it was last downloaded; null when there is none. */
  async find(revision: string): Promise<string | null> {
    const found = (await this.#refs())[revision];
    if (!found) return null;
    for (const file of found.files) if (!await this.has(found.commit, file)) return null;
    return this.snapshot(found.commit);
  }

  /** Tells whether a snapshot can have the whole of a file, and then puts it there. */
  async has(commit: string, file: RemoteFile): Promise<boolean> {
    if (!await this.hasBlob(file)) return false;
    await this.link(commit, file);
    return true;
  }

  /** Tells whether the contents of a file are here. */
  async hasBlob(file: RemoteFile): Promise<boolean> {
    const storage = await this.#open();
    if (!storage) return this.#memory.has(file.etag);
    const blob = await storage.blob(`${file.etag}.whole`) && await storage.blob(file.etag);
    return blob?.size === file.size;
  }

  /** Opens what has arrived of a file's contents. @throws {UserError} */
  async openPartial(file: RemoteFile): Promise<PartialFile> {
    const partial = await inCache(
      this.incomplete(file),
      async () => PartialFile.open(await this.#open(), file),
    );
    this.#partial.set(file.etag, partial);
    return partial;
  }

  /** Notes that contents have arrived as a whole. @throws {UserError} */
  async complete(file: RemoteFile): Promise<void> {
    const storage = await this.#open();
    if (!storage) return void this.#memory.set(file.etag, this.#partial.get(file.etag)!.contents);
    await inCache(this.incomplete(file), async () => {
      using _ = await storage.file(`${file.etag}.whole`);
    });
  }

  /** Puts a downloaded file into a snapshot. */
  async link(commit: string, file: RemoteFile): Promise<void> {
    const storage = await this.#open();
    const path = join(this.snapshot(commit), file.path);
    files.makeFolder(dirname(path));
    const blob = await storage?.blob(file.etag);
    files.put(path, blob ? new BlobContents(blob) : this.#memory.get(file.etag)!);
    this.#linked.push(file);
  }

  /** Notes the commit of a branch or tag, with its files. */
  async setRef(revision: string, commit: string): Promise<void> {
    const storage = await this.#open();
    if (!storage) return;
    const refs = { ...await this.#refs(), [revision]: { commit, files: this.#linked } };
    await inCache(this.folder, async () => {
      using file = await storage.file("refs.json");
      file.truncate(0);
      file.append(new TextEncoder().encode(JSON.stringify(refs)));
      file.flush();
    });
  }

  /** Calls `body` while no other tab downloads the same file. */
  async locked<T>({ etag }: RemoteFile, body: () => Promise<T>): Promise<T> {
    if (!navigator.locks) return await body();
    return await navigator.locks.request(`temper-hub/${this.#name}/${etag}`, body) as T;
  }

  #open(): Promise<StorageFolder | null> {
    return this.#storage ??= StorageFolder.open("temper", "hub", this.#name);
  }

  async #refs(): Promise<Refs> {
    const blob = await (await this.#open())?.blob("refs.json");
    try {
      return blob ? JSON.parse(await blob.text()) : {};
    } catch {
      // Cut off by a crash: it is downloaded again.
      return {};
    }
  }
}

/** Writes to the cache, and explains what goes wrong. @throws {UserError} naming path and reason */
export async function inCache<T>(path: string, body: () => Promise<T>): Promise<T> {
  try {
    return await body();
  } catch (error) {
    if (error instanceof UserError) throw error;
    throw new UserError(
      `cannot keep ${path} in the browser's storage: ${ioReason(error)}; free some of this site's`,
      { cause: error },
    );
  }
}
