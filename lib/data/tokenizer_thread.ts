/** A thread with a tokenizer whose work may take any time. */
import { answerCalls } from "../platform/limited_thread.ts";
import { DirectEngine, type TokenizerRequest } from "./token_engine.ts";

answerCalls(() => {
  let engine: DirectEngine;
  return (request: TokenizerRequest) => {
    if ("text" in request) return engine.encode(request.text, request.flag);
    if ("ids" in request) return engine.decode(request.ids, request.flag);
    if ("token" in request) return engine.idOf(request.token);
    engine = new DirectEngine(request.json, request.config);
  };
});
