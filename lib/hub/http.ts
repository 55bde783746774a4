import { UserError } from "../errors.ts";
import { sleep } from "../event_loop.ts";
import { refusal } from "./refusal.ts";
import { describeRepo, type Repo } from "./repo.ts";
import type { HubSettings } from "./settings.ts";

/** Failure that may pass: of the network, or of a server that is busy or broken. */
export class TransientError extends Error {
  /**
   * Makes a failure.
   *
   * @param reason what happened, for the end of a message
   * @param retryAfter milliseconds that the server asked to wait; null when it did not say
   * @param answered true when a server answered at all
   */
  constructor(
    readonly reason: string,
    readonly retryAfter: number | null = null,
    readonly answered: boolean = false,
  ) {
    super(reason);
  }
}

/** Failure to reach the Hub in several tries. */
export class HubUnreachableError extends UserError {
  /** The message is one line: what was tried, what happened, what to do. */
  constructor(message: string) {
    super(message);
    this.name = "HubUnreachableError";
  }
}

/** Maximum number of tries in a row without progress, as in huggingface_hub. */
const MAX_TRIES = 5;
/** The same before anybody has answered: without a network, waiting is of no use. */
const MAX_FIRST_TRIES = 2;
/** Maximum delay between tries in milliseconds; delays double up to it. */
const MAX_DELAY = 8_000;
/** Maximum delay in milliseconds that a server may ask for. */
const MAX_RETRY_AFTER = 300_000;
/** Maximum number of redirects of a request. */
const MAX_REDIRECTS = 10;

/**
 * Timer that aborts its signal when `reset` was not called for a while, or when another signal
 * aborts.
 */
export class Watchdog implements Disposable {
  /** Signal that is aborted, with a {@linkcode TransientError}. */
  readonly signal: AbortSignal;
  readonly #own = new AbortController();
  #timer: ReturnType<typeof setTimeout> | undefined;

  /** Starts to watch; `timeout` is in milliseconds. */
  constructor(private readonly timeout: number, signal?: AbortSignal) {
    this.signal = AbortSignal.any(signal ? [this.#own.signal, signal] : [this.#own.signal]);
    this.reset();
  }

  /** Starts the time anew. */
  reset(): void {
    clearTimeout(this.#timer);
    this.#timer = setTimeout(() => {
      this.#own.abort(new TransientError(`nothing came for ${this.timeout / 1000} s`));
    }, this.timeout);
  }

  /** Stops watching. */
  [Symbol.dispose](): void {
    clearTimeout(this.#timer);
  }
}

/**
 * Calls `attempt` until it does not throw a {@linkcode TransientError}, with longer and longer
 * waits between the calls, or those that the server asked for.
 *
 * @param options.progressed tells whether the last failed attempt got further than any before, and
 * so does not count as a try
 * @param options.first true for the first request to the Hub: a missing network is then given up
 * on sooner
 * @param options.signal ends the waiting
 * @throws {HubUnreachableError} when the tries are used up; whatever else `attempt` throws, at once
 */
export async function withRetries<T>(
  { endpoint, retryDelay }: HubSettings,
  repo: Repo,
  attempt: () => Promise<T>,
  { progressed = () => false, first = false, signal }: {
    progressed?(): boolean;
    first?: boolean;
    signal?: AbortSignal;
  } = {},
): Promise<T> {
  for (let tries = 1;; tries++) {
    try {
      return await attempt();
    } catch (error) {
      if (!(error instanceof TransientError)) throw error;
      if (progressed()) tries = 0;
      const { reason, retryAfter, answered } = error;
      const maxTries = first && !answered ? MAX_FIRST_TRIES : MAX_TRIES;
      if (tries >= maxTries || (retryAfter ?? 0) > MAX_RETRY_AFTER) {
        const wait = retryAfter === null ? "" : `, and asked to wait ${retryAfter / 1000} s`;
        throw new HubUnreachableError(
          `cannot download ${
            describeRepo(repo)
          } from ${endpoint}: ${reason}${wait}; check the network, HTTPS_PROXY and ` +
            "HF_ENDPOINT, and run the same again: what is already here is kept",
        );
      }
      const delay = Math.min(MAX_DELAY, retryDelay * 2 ** Math.max(0, tries - 1));
      await sleep(retryAfter ?? delay, signal);
    }
  }
}

/**
 * Sends a GET request and follows redirects. The token goes to the Hub's own host and to no other.
 *
 * @param options.start offset of the first byte
 * @returns response of status 200 or 206; `watchdog` also watches its body
 * @throws {TransientError} when trying again may help
 * @throws {UserError} when the Hub refuses, with what to do
 */
export async function get(
  settings: HubSettings,
  repo: Repo,
  url: string,
  watchdog: Watchdog,
  { start = 0 }: { start?: number } = {},
): Promise<Response> {
  const home = new URL(settings.endpoint).origin;
  let target = new URL(url);
  for (let redirects = 0; redirects <= MAX_REDIRECTS; redirects++) {
    // A compressed body would have another size and other ranges.
    const headers = new Headers({ "accept-encoding": "identity" });
    if (start > 0) headers.set("range", `bytes=${start}-`);
    if (settings.token && target.origin === home) {
      headers.set("authorization", `Bearer ${settings.token}`);
    }
    // What arrives is kept by us: a browser is not to keep it as well.
    const request = { headers, signal: watchdog.signal, cache: "no-store" as const };
    let response: Response;
    try {
      response = await fetch(target, { ...request, redirect: "manual" });
    } catch (error) {
      throw asTransient(error, false);
    }
    watchdog.reset();
    if (response.type === "opaqueredirect" && response.status === 0) {
      // A browser does not say where to. It follows by itself, without the token on another host.
      try {
        response = await fetch(target, request);
      } catch (error) {
        throw asTransient(error, false);
      }
    }
    if (response.status === 200 || response.status === 206) return response;
    await response.body?.cancel();
    const location = response.headers.get("location");
    if (response.status >= 300 && response.status < 400 && location) {
      target = redirected(target, location);
      continue;
    }
    if (isTransient(response.status) || target.origin !== home) {
      // On another host also 403 and the like: the address that the Hub signed has expired.
      const reason = `${target.host} answered ${response.status}`;
      throw new TransientError(reason, retryAfter(response), true);
    }
    throw refusal(response, repo, settings);
  }
  throw new UserError(`${url} was redirected more than ${MAX_REDIRECTS} times`);
}

/**
 * Turns an error of fetch, or of reading a body, into a transient one, with the watchdog's reason
 * or the network's.
 *
 * @param answered true when the server had begun to answer
 */
export function asTransient(error: unknown, answered: boolean): Error {
  if (error instanceof UserError) return error;
  if (error instanceof TransientError) {
    return new TransientError(error.reason, error.retryAfter, answered);
  }
  const { message, cause } = error as Error;
  const reason = cause instanceof Error ? cause.message : message;
  // An address may be signed, which is nobody's business: without it.
  const bare = reason.replace(/^error sending request|for url \(\S*\):? ?/g, "").trim();
  return new TransientError(bare, null, answered);
}

function redirected(from: URL, location: string): URL {
  const target = URL.parse(location, from);
  const secure = from.protocol === "https:" ? ["https:"] : ["http:", "https:"];
  if (target && secure.includes(target.protocol)) return target;
  throw new UserError(`${from.host} redirects to ${location}, which is not a safe address`);
}

function isTransient(status: number): boolean {
  return status === 408 || status === 429 || status >= 500;
}

/** Milliseconds to wait by Retry-After (seconds or a date), or by the Hub's own RateLimit. */
function retryAfter({ headers }: Response): number | null {
  const value = headers.get("retry-after") ??
    headers.get("ratelimit")?.match(/r=0\s*;.*\bt=(\d+)/)?.[1];
  if (!value) return null;
  const seconds = /^\d+$/.test(value) ? Number(value) : (Date.parse(value) - Date.now()) / 1000;
  return Number.isFinite(seconds) ? Math.max(0, Math.ceil(seconds)) * 1000 : null;
}
