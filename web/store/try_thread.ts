/** A thread in which a model that is tried is loaded, and responds. */
import { UserError } from "../../lib/errors.ts";
import { answerCalls } from "../../lib/platform/limited_thread.ts";
import { type Answers, type Question, SideBySide } from "../../lib/runs/commands/side_by_side.ts";
import type { AnswerSettings } from "../../lib/runs/kinds/answer_settings.ts";

/** Request to the thread: to load a model first, then to respond with it, at last to free it. */
export type TryOrder =
  | { type: "open"; settings: AnswerSettings; adapter: string }
  | { type: "answer"; question: Question }
  | { type: "close" };

/** Answer of the thread. */
export type TryResult = { answers: Answers | null } | { /** One line. */ refused: string };

answerCalls(() => {
  let model: SideBySide | null = null;
  return async (order: TryOrder): Promise<TryResult> => {
    try {
      if (order.type === "answer") {
        return { answers: await model!.answer(order.question) };
      }
      if (order.type === "open") model = await SideBySide.open(order.settings, order.adapter);
      else model?.close();
      return { answers: null };
    } catch (error) {
      if (error instanceof UserError) return { refused: error.message };
      if (error instanceof Deno.errors.NotCapable) {
        return { refused: `This site was not allowed to: ${error.message}` };
      }
      throw error;
    }
  };
});
