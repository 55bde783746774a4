import { UserError } from "../errors.ts";
import { describeRepo, type Repo, repoUrl } from "./repo.ts";
import type { HubSettings } from "./settings.ts";

/**
 * Explains why the Hub refused a request, with what to do about it. The Hub's header X-Error-Code
 * gives the reason; without a token, private and missing repositories alike give 401.
 */
export function refusal(
  response: Response,
  repo: Repo,
  { endpoint, token }: Pick<HubSettings, "endpoint" | "token">,
): UserError {
  const { status, headers } = response;
  const [code, reason] = ["x-error-code", "x-error-message"].map((name) => headers.get(name) ?? "");
  const what = describeRepo(repo);
  const page = repoUrl(endpoint, repo);
  const setToken = `set HF_TOKEN to one from ${endpoint}/settings/tokens`;
  if (code === "GatedRepo" && !token) {
    return new UserError(
      `access to ${what} is gated: accept its conditions on ${page}, then ${setToken}`,
    );
  }
  if (code === "GatedRepo") {
    return new UserError(
      `access to ${what} is gated, and the account of your token has none yet: ask for it on ${page}`,
    );
  }
  if (status === 401 && /credentials/i.test(reason)) {
    return new UserError(`${endpoint} does not accept your token: ${setToken}, or unset it`);
  }
  if (code === "RevisionNotFound") {
    return new UserError(
      `${repo.name} has no revision ${repo.revision}: choose a branch, tag or commit of ${page}`,
    );
  }
  if (status === 401 || status === 404) {
    const advice = token
      ? "and that your token's account may read it"
      : `and if it is private, ${setToken}`;
    return new UserError(
      `cannot find ${what}, neither as a folder here nor on ${endpoint}: check the name, ${advice}`,
    );
  }
  if (status === 403) {
    return new UserError(
      `${endpoint} does not let you read ${what}${reason && ` (${reason})`}: ${
        token ? "give your token the right to read it" : setToken
      }`,
    );
  }
  return new UserError(
    `${endpoint} answered ${status}${
      reason && ` (${reason})`
    } when asked for ${what}: check HF_ENDPOINT`,
  );
}
