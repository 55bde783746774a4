import { UserError } from "../errors.ts";
import { asTransient, HubUnreachableError, TransientError } from "./http.ts";
import { describeRepo, type Repo, repoUrl } from "./repo.ts";
import type { HubSettings } from "./settings.ts";

/** Maximum time for an answer in milliseconds, beside the time for the body. */
const ANSWER_TIMEOUT = 60_000;
/** Minimum speed of a connection. */
const MIN_BYTES_PER_MILLISECOND = 20;

/**
 * Makes a `fetch` for pushing with the Hub's library: every failure is thrown as one line that says
 * what to do. Nothing is tried again: the user repeats the command, and files that arrived are not
 * sent again.
 *
 * @param options.allowMissing return an answer of 404 in place of throwing
 */
export function pushFetch(
  settings: HubSettings,
  repo: Repo,
  { allowMissing = false }: { allowMissing?: boolean } = {},
): typeof fetch {
  return async (input, init) => {
    const size = init?.body instanceof Blob ? init.body.size : String(init?.body ?? "").length;
    const timeout = AbortSignal.timeout(ANSWER_TIMEOUT + size / MIN_BYTES_PER_MILLISECOND);
    const signal = AbortSignal.any(init?.signal ? [init.signal, timeout] : [timeout]);
    try {
      const response = await fetch(input, { ...init, signal });
      const { status } = response;
      const body = await response.arrayBuffer();
      // Such answers have no body, and none may be given to them.
      const answer = new Response(status === 204 ? null : body, response);
      if (response.ok || allowMissing && status === 404) return answer;
      const { host } = new URL(response.url);
      if (host !== new URL(settings.endpoint).host) {
        throw new TransientError(`${host}, where large files go, answered ${status}`);
      }
      const line = refusalToPush(status, await reasonOf(answer), repo, settings);
      throw new UserError(`${line}; ${outcome(input, status >= 500, repo, settings)}`);
    } catch (error) {
      // The library gave up, because another file failed.
      if (error instanceof UserError || init?.signal?.aborted) throw error;
      const { message } = asTransient(error, false);
      throw new HubUnreachableError(
        `cannot push ${
          describeRepo(repo)
        } to ${settings.endpoint}: ${message}; check the network, ` +
          `HTTPS_PROXY and HF_ENDPOINT, and run the same again; ${
            outcome(input, true, repo, settings)
          }`,
      );
    }
  };
}

/**
 * Outcome of a failed push: the last request is the commit, which may have arrived without an
 * answer.
 */
function outcome(
  input: string | URL | Request,
  isUncertain: boolean,
  repo: Repo,
  { endpoint }: HubSettings,
): string {
  return isUncertain && String(input).includes("/commit/")
    ? `first look at ${repoUrl(endpoint, repo)} whether the commit arrived`
    : "nothing was pushed";
}

/** Explains why the Hub refused a push, with what to do about it. */
function refusalToPush(
  status: number,
  reason: string,
  repo: Repo,
  { endpoint }: HubSettings,
): string {
  const because = reason && ` (${reason})`;
  const tokens = `${endpoint}/settings/tokens`;
  return {
    400: `${endpoint} does not accept what was to be pushed to ${repo.name}${because}: ` +
      "if it is about the model card, edit the adapter's README.md",
    401: `${endpoint} does not accept your token${because}: set HF_TOKEN to one from ${tokens}`,
    403: `your token may not write to ${repo.name}${because}: ` +
      `check the name, and give the token the right to write on ${tokens}`,
    404: `there is no place for ${describeRepo(repo)} on ${endpoint}${because}: ` +
      "check the name of the user or organization, and the branch",
    409: `${repo.name} was changed or made by someone else meanwhile${because}: ` +
      `look at ${repoUrl(endpoint, repo)}, and run the same again`,
  }[status] ??
    `${endpoint} answered ${status}${because} to a push to ${repo.name}: try again later`;
}

/** The Hub's own reason, `{"error": "..."}`; empty when it gives none. */
async function reasonOf(response: Response): Promise<string> {
  const { error } = await response.json().catch(() => ({}));
  return typeof error === "string" ? error.replace(/\.$/, "") : "";
}
