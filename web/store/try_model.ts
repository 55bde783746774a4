import { assetUrl } from "../../assets.ts";
import { UserError } from "../../lib/errors.ts";
import { LimitedThread } from "../../lib/platform/limited_thread.ts";
import type { Answers, Question } from "../../lib/runs/commands/side_by_side.ts";
import type { AnswerSettings } from "../../lib/runs/kinds/answer_settings.ts";
import type { TryOrder, TryResult } from "./try_thread.ts";

/** A large model takes its time; whoever stops the server ends the thread. */
const NO_LIMITS = { seconds: Infinity, bytes: Infinity };

/** A model in a thread of its own, so that pages load while it does and while it responds. */
export class TryModel {
  #thread: LimitedThread | null = null;
  #busy = false;
  #closed = false;

  /**
   * Loads the model of a run's settings, with an adapter.
   *
   * @param adapter folder of the adapter
   * @throws {UserError} when something does not load, or the thread ends
   */
  async open(settings: AnswerSettings, adapter: string): Promise<void> {
    try {
      this.#thread = await LimitedThread.start(assetUrl("web/store/try_thread.ts"));
    } catch (error) {
      throw failure(error);
    }
    if (this.#closed) this.#thread.close();
    await this.#call({ type: "open", settings, adapter });
  }

  /**
   * Responds to a question with and without the adapter.
   *
   * @throws {UserError} when the model fails, or the thread ends
   */
  async answer(question: Question): Promise<Answers> {
    return (await this.#call({ type: "answer", question }))!;
  }

  /** Ends the thread, and whatever it is doing. */
  async close(): Promise<void> {
    if (this.#closed) return;
    this.#closed = true;
    // The device ends threads of its own, for which a busy one has no time.
    if (this.#thread && !this.#busy) await this.#call({ type: "close" }).catch(() => {});
    this.#thread?.close();
  }

  async #call(order: TryOrder): Promise<Answers | null> {
    this.#busy = true;
    let result: TryResult;
    try {
      result = await this.#thread!.call(order, NO_LIMITS) as TryResult;
    } catch (error) {
      throw failure(error);
    } finally {
      this.#busy = false;
    }
    if ("refused" in result) throw new UserError(result.refused);
    return result.answers;
  }
}

function failure(error: unknown): UserError {
  const [reason] = (error as Error).message.split("\n");
  return new UserError(`The model failed: ${reason}. Try again.`, { cause: error });
}
