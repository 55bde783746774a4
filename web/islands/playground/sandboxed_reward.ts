import type { NullableRewardFunction } from "../../../lib/rewards/reward.ts";

/** Seconds that a reward may take for a batch. */
export const REWARD_SECONDS = 10;

/** Message of the worker of a reward. */
type Reply = { scores: (number | null)[] } | { failure: string };

/**
 * Reward that is computed from text which the user wrote: in a worker of its own, in a frame of an
 * origin of its own, without the network. It is ended where it does not return.
 */
export class SandboxedReward implements Disposable {
  #waiting: PromiseWithResolvers<Reply> | null = null;

  private constructor(
    private readonly frame: HTMLIFrameElement,
    private readonly port: MessagePort,
  ) {
    port.onmessage = ({ data }: MessageEvent<Reply>) => this.#waiting?.resolve(data);
  }

  /**
   * Starts it.
   *
   * @param source module whose default export scores samples, as a reward script of the command line
   * @throws {Error} when it is no such module, or does not end
   */
  static async open(source: string): Promise<SandboxedReward> {
    const frame = document.createElement("iframe");
    frame.setAttribute("sandbox", "allow-scripts");
    frame.title = "Reward";
    frame.hidden = true;
    frame.src = new URL("reward.html", document.baseURI).href;
    const ready = Promise.withResolvers<void>();
    const listen = ({ source: sender }: MessageEvent) => {
      if (sender === frame.contentWindow) ready.resolve();
    };
    addEventListener("message", listen);
    document.body.append(frame);
    const { port1, port2 } = new MessageChannel();
    const reward = new SandboxedReward(frame, port1);
    try {
      await inTime(ready.promise, "its frame did not answer");
      await reward.#ask(() => frame.contentWindow!.postMessage(source, "*", [port2]));
      return reward;
    } catch (error) {
      reward[Symbol.dispose]();
      throw new Error(`the reward does not load: ${(error as Error).message}`, { cause: error });
    } finally {
      removeEventListener("message", listen);
    }
  }

  /** Scores samples, one batch at a time. */
  readonly score: NullableRewardFunction = async (samples) => {
    try {
      return await this.#ask(() => this.port.postMessage(samples));
    } catch (error) {
      if (!(error instanceof LateError)) throw error;
      this[Symbol.dispose]();
      const message = `the reward ${error.message}, and was stopped`;
      // The worker takes this name for a mistake of the user's, whose message says it all.
      throw Object.assign(new Error(message), { name: "UserError" });
    }
  };

  /** Ends it. */
  [Symbol.dispose](): void {
    this.port.close();
    this.frame.remove();
  }

  async #ask(send: () => void): Promise<(number | null)[]> {
    this.#waiting = Promise.withResolvers();
    send();
    const reply = await inTime(
      this.#waiting.promise,
      `did not return within ${REWARD_SECONDS} seconds`,
    );
    if ("failure" in reply) throw new Error(reply.failure);
    return reply.scores;
  }
}

/** Error of an answer that took too long. */
class LateError extends Error {}

async function inTime<T>(promise: Promise<T>, late: string): Promise<T> {
  const { promise: ended, reject } = Promise.withResolvers<never>();
  const timer = setTimeout(() => reject(new LateError(late)), REWARD_SECONDS * 1000);
  try {
    return await Promise.race([promise, ended]);
  } finally {
    clearTimeout(timer);
  }
}
