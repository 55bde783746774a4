import { createHash } from "node:crypto";
import type { Files } from "./stand_in_hub.ts";

/** What of a stand-in hub uploads need. */
export interface UploadTarget {
  /** Address of the host that takes large files. */
  storage: string;
  /** Large files that have arrived, by SHA-256. */
  objects: Map<string, Uint8Array<ArrayBuffer>>;
  /** Files of this size are large. */
  large: number;
  /** The files of a branch; null when the repository or the branch is missing. */
  find(repo: string, branch: string): Files | null;
  /** Makes an empty repository. */
  create(repo: string, isPrivate: boolean): void;
  /** Makes a commit of these files and no others on a branch; returns its hash. */
  commit(repo: string, branch: string, files: Files): string;
}

/** Organization that nobody but itself may make repositories in. */
export const CLOSED_ORGANIZATION = "closed";

/**
 * Answers what the Hub's library posts to make a repository, a branch and a commit, as the Hub does.
 *
 * @param mayWrite whether the token's account may
 * @returns null for a path of something else
 */
export async function answerUpload(
  request: Request,
  mayWrite: boolean,
  target: UploadTarget,
): Promise<Response | null> {
  const path = new URL(request.url).pathname;
  if (request.method !== "POST") return null;
  if (!mayWrite) return refuse(403, "Forbidden: you don't have the right to write.");
  if (path === "/api/repos/create") return createRepo(await request.json(), target);
  const [, lfsRepo] = path.match(/^\/([^/]+\/[^/]+)\.git\/info\/lfs\/objects\/batch$/) ?? [];
  if (lfsRepo) return lfsBatch(await request.json(), target);
  const [, repo, action, encoded = ""] =
    path.match(/^\/api\/(models\/[^/]+\/[^/]+)\/(branch|preupload|commit)\/([^/]+)$/) ?? [];
  const branch = decodeURIComponent(encoded);
  if (action === "branch") return createBranch(repo, branch, await request.json(), target);
  const files = repo ? target.find(repo, branch) : null;
  if (!files) return refuse(404, `Invalid rev id: ${branch}`);
  if (action === "preupload") return preupload(await request.json(), target);
  return commit(repo, branch, files, await request.text(), target);
}

/** Takes a large file at the host for those. */
export async function answerStorage(request: Request, target: UploadTarget): Promise<Response> {
  const bytes = await request.bytes();
  const oid = new URL(request.url).pathname.split("/")[2];
  if (request.headers.has("authorization") || sha256(bytes) !== oid) {
    return new Response(null, { status: 400 });
  }
  target.objects.set(oid, bytes);
  return new Response(null, { status: 200 });
}

function createRepo(
  { name, organization, visibility }: Record<string, string>,
  target: UploadTarget,
): Response {
  if (organization === CLOSED_ORGANIZATION) {
    return refuse(403, `You don't have the rights to create a model under the namespace "closed"`);
  }
  const id = `${organization}/${name}`;
  if (target.find(`models/${id}`, "main")) {
    return refuse(409, "You already created this model repo");
  }
  target.create(`models/${id}`, visibility === "private");
  return Response.json({ url: `https://huggingface.co/${id}`, id });
}

function createBranch(
  repo: string,
  branch: string,
  { overwrite }: { overwrite?: boolean },
  target: UploadTarget,
): Response {
  if (!target.find(repo, branch)) target.commit(repo, branch, target.find(repo, "main") ?? {});
  else if (!overwrite) return refuse(409, "Reference already exists");
  return Response.json({});
}

function preupload(
  { files }: { files: { path: string; size: number }[] },
  { large }: UploadTarget,
): Response {
  return Response.json({
    files: files.map(({ path, size }) => ({ path, uploadMode: size < large ? "regular" : "lfs" })),
  });
}

function lfsBatch(
  { objects }: { objects: { oid: string; size: number }[] },
  target: UploadTarget,
): Response {
  return Response.json({
    transfer: "basic",
    objects: objects.map((object) => {
      if (target.objects.has(object.oid)) return object;
      return { ...object, actions: { upload: { href: `${target.storage}/lfs/${object.oid}` } } };
    }),
  });
}

function commit(
  repo: string,
  branch: string,
  before: Files,
  lines: string,
  target: UploadTarget,
): Response {
  const files: Record<string, Uint8Array<ArrayBuffer>> = { ...before };
  for (const line of lines.split("\n")) {
    const { key, value } = JSON.parse(line);
    if (key === "file") files[value.path] = Uint8Array.fromBase64(value.content);
    if (key === "deletedFile") {
      if (!files[value.path]) return refuse(400, `${value.path} is not there`);
      delete files[value.path];
    }
    if (key !== "lfsFile") continue;
    const bytes = target.objects.get(value.oid);
    if (bytes?.length !== value.size) return refuse(400, `${value.path} was not uploaded`);
    files[value.path] = bytes!;
  }
  const commitOid = target.commit(repo, branch, files);
  return Response.json({ success: true, commitOid, commitUrl: "", hookOutput: "" });
}

function sha256(bytes: Uint8Array): string {
  return createHash("sha256").update(bytes).digest("hex");
}

function refuse(status: number, error: string): Response {
  return Response.json({ error }, { status });
}
