import { createHash } from "node:crypto";
import { join } from "node:path";
import { answerStorage, answerUpload, type UploadTarget } from "./stand_in_uploads.ts";

/** Files of a commit, by path. */
export type Files = Readonly<Record<string, Uint8Array<ArrayBuffer>>>;

/** A request as the stand-in saw it. */
export interface SeenRequest {
  /** The Hub's own host, or the other one, where large files are. */
  host: "hub" | "cdn";
  method: string;
  /** Path and query. */
  path: string;
  headers: Headers;
}

/** What to do instead of the proper answer; null for the proper one. */
export type Fault = (request: SeenRequest) => FaultyAnswer | null;

/** A faulty answer. */
export type FaultyAnswer =
  /** Another answer altogether. */
  | Response
  /** Bytes that are not the file's, and as many. */
  | "corrupted"
  /** Half of what was asked for, and the connection is closed. */
  | "cut off"
  /** Half of what was asked for, and then nothing. */
  | "stalled"
  /** The whole file, whatever range was asked for. */
  | "without ranges";

/** A repository as the Hub's interface names it. */
type RepoPath = `${"models" | "datasets"}/${string}/${string}`;

/** Who may read a repository: everybody, those whose access was granted, or its owner. */
export type Access = "public" | "gated" | "private";

interface StoredRepo {
  access: Access;
  refs: Map<string, string>;
  commits: Map<string, Files>;
}

/** Larger files are kept on the other host, as with Git LFS. */
export const LARGE = 1000;
/** Entries of a page of a listing: few, so that the tests turn pages. */
const PAGE = 5;

/** A token whose account was granted access to gated repositories and owns the private ones. */
export const GRANTED = "hf_granted";
/** A token of an account that was not. */
export const STRANGER = "hf_stranger";

/** The Hub's ETag of a file: SHA-256 of a large one, git's SHA-1 of a small one. */
export function etagOf(bytes: Uint8Array): string {
  if (bytes.length >= LARGE) return createHash("sha256").update(bytes).digest("hex");
  return createHash("sha1").update(`blob ${bytes.length}\0`).update(bytes).digest("hex");
}

/** Reads the files of a fixture's folder. */
export function filesOf(dir: string): Files {
  const names = [...Deno.readDirSync(dir)].map(({ name }) => name);
  return Object.fromEntries(names.map((name) => [name, Deno.readFileSync(join(dir, name))]));
}

/**
 * A Hugging Face Hub on 127.0.0.1, with its routes, headers and redirects as far as downloads and
 * pushes go: small files by way of a redirect on the same host, large ones on another host which, as
 * the real one, refuses requests that bring a token.
 */
export class StandInHub implements AsyncDisposable {
  /** Every request so far. */
  readonly requests: SeenRequest[] = [];
  /** What goes wrong. */
  fault: Fault = () => null;

  readonly #repos = new Map<string, StoredRepo>();
  readonly #stalled = new AbortController();
  readonly #hub: Deno.HttpServer<Deno.NetAddr>;
  readonly #cdn: Deno.HttpServer<Deno.NetAddr>;
  readonly #uploads: UploadTarget;

  constructor() {
    const serve = (
      host: SeenRequest["host"],
      answer: (request: Request) => Promise<Response>,
    ) =>
      Deno.serve({ hostname: "127.0.0.1", port: 0, onListen() {} }, async (request) => {
        const { pathname, search } = new URL(request.url);
        const seen = { host, method: request.method, path: pathname + search };
        this.requests.push({ ...seen, headers: request.headers });
        if (request.method === "OPTIONS") return allowOrigin(request, new Response(null));
        const fault = this.fault(this.requests.at(-1)!);
        if (fault instanceof Response) return fault;
        return allowOrigin(request, this.#spoil(await answer(request), fault, request));
      });
    this.#hub = serve("hub", async (request) => {
      const token = tokenOf(request);
      const isKnown = token === GRANTED || token === STRANGER;
      const uploaded = isKnown && await answerUpload(request, token === GRANTED, this.#uploads);
      return uploaded || this.#answer(request);
    });
    this.#cdn = serve("cdn", async (request) => {
      if (request.method === "PUT") return await answerStorage(request, this.#uploads);
      return this.#answerOfCdn(request);
    });
    this.#uploads = {
      storage: `http://localhost:${this.#cdn.addr.port}`,
      objects: new Map(),
      large: LARGE,
      find: (repo, branch) => this.files(repo, branch),
      create: (repo, isPrivate) => {
        this.commit(repo as RepoPath, {}, { access: isPrivate ? "private" : "public" });
      },
      commit: (repo, branch, files) => this.commit(repo as RepoPath, files, { branch }),
    };
  }

  /** What HF_ENDPOINT would be. */
  get url(): string {
    return `http://127.0.0.1:${this.#hub.addr.port}`;
  }

  /** Adds a commit to a repository, made where there is none, and moves a branch to it. */
  commit(
    repo: RepoPath,
    files: Files,
    { branch = "main", access = "public" }: { branch?: string; access?: Access } = {},
  ): string {
    const stored = this.#repos.get(repo) ??
      { access, refs: new Map<string, string>(), commits: new Map<string, Files>() };
    const hash = createHash("sha1").update(`${repo} ${stored.commits.size}`).digest("hex");
    stored.commits.set(hash, files);
    stored.refs.set(branch, hash);
    this.#repos.set(repo, stored);
    return hash;
  }

  /** The files of a branch; null when the repository or the branch is missing. */
  files(repo: string, branch = "main"): Files | null {
    const stored = this.#repos.get(repo);
    return stored?.commits.get(stored.refs.get(branch) ?? "") ?? null;
  }

  /** The paths that were asked for, without queries, on one host. */
  paths(host: SeenRequest["host"]): string[] {
    return this.requests.filter((request) => request.host === host)
      .map(({ path }) => path.split("?")[0]);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#stalled.abort();
    await Promise.all([this.#hub.shutdown(), this.#cdn.shutdown()]);
  }

  #answer(request: Request): Response {
    const url = new URL(request.url);
    const path = decodeURIComponent(url.pathname);
    const { kind, repo, revision, name } = route(path);
    const stored = this.#repos.get(repo);
    const refused = refusalOf(stored, request);
    if (refused || !stored) return refused ?? error(404, "RepoNotFound");
    const commit = stored.refs.get(revision === "HEAD" ? "main" : revision) ?? revision;
    const files = stored.commits.get(commit);
    if (!files) return error(404, "RevisionNotFound");
    if (kind === "revision") {
      const info = { _id: "1", id: repo.split("/").slice(1).join("/"), sha: commit };
      const isPrivate = stored.access === "private";
      return json({ ...info, gated: false, private: isPrivate, downloads: 0, likes: 0 });
    }
    if (kind === "tree") return this.#tree(url, files);
    const bytes = files[name];
    if (!bytes) return error(404, "EntryNotFound");
    const etag = `"${etagOf(bytes)}"`;
    const headers = { "x-repo-commit": commit, "accept-ranges": "bytes" };
    if (kind === "cached") return ranged(request, bytes, { ...headers, etag });
    if (bytes.length < LARGE) {
      const location = encodeURI(`/api/resolve-cache/${repo}/${commit}/${name}`);
      return new Response(null, { status: 307, headers: { ...headers, location, etag } });
    }
    // Another name for the same machine: another host.
    const location = `http://localhost:${this.#cdn.addr.port}/repos/${etagOf(bytes)}?signature=1`;
    const linked = { "x-linked-etag": etag, "x-linked-size": `${bytes.length}` };
    return new Response(null, { status: 302, headers: { ...headers, ...linked, location } });
  }

  #tree(url: URL, files: Files): Response {
    const folders = new Set(
      Object.keys(files).filter((path) => path.includes("/")).map((path) => path.split("/")[0]),
    );
    const entries = [
      ...[...folders].map((path) => ({ type: "directory", path, size: 0, oid: "0".repeat(40) })),
      ...Object.entries(files).map(([path, bytes]) => {
        const { length: size } = bytes;
        const oid = etagOf(bytes);
        const entry = { type: "file", path, size, oid };
        if (size < LARGE) return entry;
        return { ...entry, oid: "1".repeat(40), lfs: { oid, size, pointerSize: 130 } };
      }),
    ];
    const start = Number(url.searchParams.get("cursor") ?? 0);
    url.searchParams.set("cursor", `${start + PAGE}`);
    const link = `<${url}>; rel="next"`;
    const headers: Record<string, string> = start + PAGE < entries.length ? { link } : {};
    return json(entries.slice(start, start + PAGE), headers);
  }

  #answerOfCdn(request: Request): Response {
    if (request.headers.has("authorization")) return new Response(null, { status: 400 });
    const etag = new URL(request.url).pathname.split("/")[2];
    for (const { commits } of this.#repos.values()) {
      for (const files of commits.values()) {
        const bytes = Object.values(files).find((bytes) => etagOf(bytes) === etag);
        // As on the real one, this ETag has nothing to do with the Hub's.
        if (bytes) return ranged(request, bytes, { etag: '"5f3c"', "accept-ranges": "bytes" });
      }
    }
    return new Response(null, { status: 404 });
  }

  #spoil(
    response: Response,
    fault: Exclude<FaultyAnswer, Response> | null,
    request: Request,
  ): Response {
    if (fault === null || !response.body || response.status >= 300) return response;
    if (fault === "without ranges") {
      return this.#answerOfCdn(new Request(request.url));
    }
    const headers = new Headers(response.headers);
    const status = response.status;
    const whole = response.body;
    const { signal } = this.#stalled;
    const body = new ReadableStream<Uint8Array>({
      async start(controller) {
        const bytes = new Uint8Array(await new Response(whole).arrayBuffer());
        if (fault === "corrupted") {
          controller.enqueue(bytes.map((byte) => byte ^ 1));
          return controller.close();
        }
        controller.enqueue(bytes.slice(0, bytes.length / 2));
        // What was sent must be on its way before the connection ends.
        await new Promise((resolve) => setTimeout(resolve, 20));
        // Fewer bytes than the header promises: the server then drops the connection.
        if (fault === "cut off") return controller.close();
        signal.addEventListener("abort", () => {
          try {
            controller.close();
          } catch { /* the client has gone */ }
        });
      },
    });
    return new Response(body, { status, headers });
  }
}

/** Lets pages of other origins read an answer, as the Hub does. */
function allowOrigin(request: Request, response: Response): Response {
  if (!request.headers.has("origin")) return response;
  const { body, status } = response;
  const headers = new Headers(response.headers);
  headers.set("access-control-allow-origin", "*");
  headers.set("access-control-allow-headers", "authorization");
  headers.set(
    "access-control-expose-headers",
    "ETag,Link,Accept-Ranges,Content-Range,X-Repo-Commit,X-Error-Code,X-Error-Message",
  );
  return new Response(body, { status, headers });
}

/** What a path of the Hub's own host asks for. */
function route(
  path: string,
): { kind: "revision" | "tree" | "file" | "cached"; repo: string; revision: string; name: string } {
  const api = path.match(/^\/api\/((?:models|datasets)\/[^/]+\/[^/]+)\/(revision|tree)\/(.+)$/);
  if (api) {
    const [, repo, kind, revision] = api;
    return { kind: kind as "revision" | "tree", repo, revision, name: "" };
  }
  const cached = path.match(/^\/api\/resolve-cache\/(\w+\/[^/]+\/[^/]+)\/([^/]+)\/(.+)$/);
  if (cached) return { kind: "cached", repo: cached[1], revision: cached[2], name: cached[3] };
  const [, type = "models/", id = "", revision = "", name = ""] =
    path.match(/^\/(datasets\/)?([^/]+\/[^/]+)\/resolve\/([^/]+)\/(.+)$/) ?? [];
  return { kind: "file", repo: type + id, revision, name };
}

/** 401, 403 or 404 as the Hub decides on them; null for whom the repository is open. */
function refusalOf(stored: StoredRepo | undefined, request: Request): Response | null {
  const token = tokenOf(request);
  if (token !== null && token !== GRANTED && token !== STRANGER) {
    return error(401, "", "Invalid credentials in Authorization header");
  }
  // Without a token the Hub does not say whether a repository is missing or private.
  if (!stored) return error(token ? 404 : 401, "RepoNotFound");
  if (stored.access === "public" || token === GRANTED) return null;
  if (stored.access === "private") return error(token ? 404 : 401, "RepoNotFound");
  // Of a gated repository only the files are.
  if (new URL(request.url).pathname.startsWith("/api/models")) return null;
  return error(token ? 403 : 401, "GatedRepo", "access to this model is restricted.");
}

function tokenOf(request: Request): string | null {
  return request.headers.get("authorization")?.replace("Bearer ", "") ?? null;
}

function error(status: number, code: string, message = "no"): Response {
  const headers = { "x-error-code": code, "x-error-message": message };
  return Response.json({ error: message }, { status, headers });
}

/** JSON that says how long it is, so that the client sees when it is cut off. */
function json(value: unknown, headers: Record<string, string> = {}): Response {
  const body = new TextEncoder().encode(JSON.stringify(value));
  const type = { "content-type": "application/json", "content-length": `${body.length}` };
  return new Response(body, { headers: { ...headers, ...type } });
}

function ranged(
  request: Request,
  bytes: Uint8Array<ArrayBuffer>,
  headers: Record<string, string>,
): Response {
  const [, from] = request.headers.get("range")?.match(/^bytes=(\d+)-$/) ?? [];
  if (from === undefined) {
    return new Response(bytes, { headers: { ...headers, "content-length": `${bytes.length}` } });
  }
  const start = Number(from);
  const size = `${bytes.length}`;
  if (start >= bytes.length) {
    return new Response(null, { status: 416, headers: { "content-range": `bytes */${size}` } });
  }
  const range = `bytes ${start}-${bytes.length - 1}/${size}`;
  return new Response(bytes.slice(start), {
    status: 206,
    headers: { ...headers, "content-range": range, "content-length": `${bytes.length - start}` },
  });
}
