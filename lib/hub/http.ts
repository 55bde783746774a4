import { setTimeout as sleep } from "node:timers/promises";
import { UserError } from "../errors.ts";
import { refusal } from "./refusal.ts";
import { describeRepo, type Repo } from "./repo.ts";
import type { HubSettings } from "./settings.ts";

/** A failure that may pass: the network's, or a server's that is busy or broken. */
export class TransientError extends Error {
  /**
   * A failure by its reason.
   *
   * @param reason what happened, for the end of a message
   * @param retryAfter milliseconds that the server asked to wait; null when it did not say
   * @param answered whether there was a server at all
   */
  constructor(
    readonly reason: string,
    readonly retryAfter: number | null = null,
    readonly answered: boolean = false,
  ) {
    super(reason);
  }
}

/** The Hub could not be reached, or was too busy, however often it was tried. */
export class HubUnreachableError extends UserError {
  /** `message` is one line: what was tried, what happened, what to do. */
  constructor(message: string) {
    super(message);
    this.name = "HubUnreachableError";
  }
}

/** Tries in a row without progress before giving up, as in huggingface_hub. */
const TRIES = 5;
/** The same where nobody has answered yet: without a network, waiting is of no use. */
const FIRST_TRIES = 2;
/** The waits between tries double up to this many milliseconds. */
const LONGEST_DELAY = 8_000;
/** A server that asks to wait for longer than this many milliseconds is not waited for. */
const LONGEST_RETRY_AFTER = 300_000;
const MOST_REDIRECTS = 10;

/** Aborts its signal when `reset` was not called for a while, or when another signal aborts. */
export class Watchdog implements Disposable {
  /** What it aborts, with a {@linkcode TransientError}. */
  readonly signal: AbortSignal;
  readonly #own = new AbortController();
  #timer: ReturnType<typeof setTimeout> | undefined;

  /** Starts to watch; `timeout` is in milliseconds. */
  constructor(private readonly timeout: number, signal?: AbortSignal) {
    this.signal = AbortSignal.any(signal ? [this.#own.signal, signal] : [this.#own.signal]);
    this.reset();
  }

  /** Something was heard: the time starts anew. */
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
 * Calls `attempt` until it does not throw a {@linkcode TransientError}, with longer and longer waits
 * between the calls, or those that the server asked for.
 *
 * @param options.progressed whether the last failed attempt got further than any before: such a one
 *   does not count against the number of tries
 * @param options.first whether this is the first that the Hub is asked: then a network that is not
 *   there is given up on sooner
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
      const most = first && !answered ? FIRST_TRIES : TRIES;
      if (tries >= most || (retryAfter ?? 0) > LONGEST_RETRY_AFTER) {
        const wait = retryAfter === null ? "" : `, and asked to wait ${retryAfter / 1000} s`;
        throw new HubUnreachableError(
          `cannot download ${
            describeRepo(repo)
          } from ${endpoint}: ${reason}${wait}; check the network, HTTPS_PROXY and ` +
            "HF_ENDPOINT, and run the same again: what is already here is kept",
        );
      }
      const delay = Math.min(LONGEST_DELAY, retryDelay * 2 ** Math.max(0, tries - 1));
      await sleep(retryAfter ?? delay, undefined, { signal });
    }
  }
}

/**
 * One GET, redirects followed. The token goes to the Hub's own host and to no other.
 *
 * @param options.start first byte that is wanted
 * @returns an answer of status 200 or 206; its body goes on to be watched by `watchdog`
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
  for (let redirects = 0; redirects <= MOST_REDIRECTS; redirects++) {
    // A compressed body would have another size and other ranges.
    const headers = new Headers({ "accept-encoding": "identity" });
    if (start > 0) headers.set("range", `bytes=${start}-`);
    if (settings.token && target.origin === home) {
      headers.set("authorization", `Bearer ${settings.token}`);
    }
    let response: Response;
    try {
      response = await fetch(target, { headers, redirect: "manual", signal: watchdog.signal });
    } catch (error) {
      throw asTransient(error, false);
    }
    watchdog.reset();
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
  throw new UserError(`${url} was redirected more than ${MOST_REDIRECTS} times`);
}

/**
 * What fetch, or reading a body, threw: the watchdog's own reason, or the network's.
 *
 * @param answered whether the server had begun to answer
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
