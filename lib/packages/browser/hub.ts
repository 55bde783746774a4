/** Requests to the Hugging Face Hub that downloads need, as `@huggingface/hub` makes them. */

/** Repository, and the connection to the Hub. */
interface Query {
  name: string;
  revision?: string;
  hubUrl: string;
  fetch: typeof fetch;
}

/** Entry of a repository's tree. */
export interface ListFileEntry {
  type: "file" | "directory" | "unknown";
  path: string;
  size: number;
  oid: string;
  lfs?: { oid: string };
}

/** Asks for a model's commit. @throws {Error} when the Hub does not answer with one */
export function modelInfo(query: Query): Promise<{ sha: string }> {
  return info("models", query);
}

/** Asks for a dataset's commit. @throws {Error} when the Hub does not answer with one */
export function datasetInfo(query: Query): Promise<{ sha: string }> {
  return info("datasets", query);
}

async function info(
  type: string,
  { name, revision = "HEAD", hubUrl, fetch }: Query,
): Promise<{ sha: string }> {
  const path = `api/${type}/${name}/revision/${encodeURIComponent(revision)}?expand[]=sha`;
  return await (await fetch(`${hubUrl}/${path}`)).json();
}

/** Lists all files of a repository, page by page. */
export async function* listFiles(
  { repo, revision, hubUrl, fetch }: {
    repo: { type: "model" | "dataset"; name: string };
    revision: string;
    recursive: boolean;
    hubUrl: string;
    fetch: typeof globalThis.fetch;
  },
): AsyncGenerator<ListFileEntry> {
  let url: string | undefined =
    `${hubUrl}/api/${repo.type}s/${repo.name}/tree/${revision}?recursive=true`;
  while (url) {
    const response: Response = await fetch(url);
    yield* await response.json() as ListFileEntry[];
    const next = /<([^>]+)>;\s*rel="next"/.exec(response.headers.get("link") ?? "")?.[1];
    url = next && new URL(next, hubUrl).href;
  }
}
