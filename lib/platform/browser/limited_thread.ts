import type { Limits } from "../interfaces.ts";
import { importOwn } from "./own_modules.ts";

export type { Limits };

/** Failure of a call that exceeded a limit; never thrown in a page. */
export class LimitError extends Error {
  override name = "LimitError";
}

/** Function that answers calls. */
type Answer = (request: unknown) => unknown;

const makers = new Map<string, () => Answer>();
/** Module that is being imported. */
let importing: string | null = null;

/**
 * Counterpart of the threads with limits in a page: the work is done in the calling thread, without
 * limits. That thread is a worker, which the page can end at any time, and with it work that would
 * never end.
 */
export class LimitedThread {
  private constructor(private readonly answer: Answer) {}

  /** Imports a module that calls {@linkcode answerCalls}. */
  static async start(module: URL): Promise<LimitedThread> {
    const path = module.href.slice(new URL(".", import.meta.url).href.length);
    if (!makers.has(path)) {
      importing = path;
      await importOwn(path);
    }
    return new LimitedThread(makers.get(path)!());
  }

  /** Makes a call. @throws {Error} with the message of what the module has thrown */
  callSync(request: unknown, _limits: Limits): unknown {
    return this.answer(request);
  }

  /** Makes a call whose answer may take time. */
  async call(request: unknown, _limits: Limits): Promise<unknown> {
    return await this.answer(request);
  }

  /** Does nothing: there is no thread. */
  close(): void {}
}

/** Answers calls to the module that is being imported. */
export function answerCalls<Request>(make: () => (request: Request) => unknown): void {
  makers.set(importing!, make as () => Answer);
}
