/** A thread with a chat template, whose work may take any time. */
import type { JsonObject } from "../formats/hf_config.ts";
import { answerCalls } from "../platform/limited_thread.ts";
import { type RenderedText, TemplateProgram, TemplateRefusal } from "./template_program.ts";

/** Call of the thread: the first one parses the template, the others render it. */
export type TemplateRequest = { source: string } | { variables: JsonObject };

/** Answer to a rendering: the text, or the message of a template that refuses its messages. */
export type TemplateAnswer = RenderedText | { refusal: string };

answerCalls(() => {
  let program: TemplateProgram;
  return (request: TemplateRequest): TemplateAnswer | void => {
    if ("source" in request) {
      program = new TemplateProgram(request.source);
      return;
    }
    try {
      return program.render(request.variables);
    } catch (error) {
      if (error instanceof TemplateRefusal) return { refusal: error.message };
      throw error;
    }
  };
});
