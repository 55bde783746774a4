import { Hono } from "hono";
import { stream } from "hono/streaming";
import { Island } from "../page/island.tsx";
import { z } from "../../lib/packages/zod.ts";
import type { Question } from "../../lib/runs/commands/side_by_side.ts";
import { DEMO_CHAT_MODEL, DEMO_MODEL } from "../../lib/runs/settings/demo.ts";
import { Empty } from "../components/parts.tsx";
import { RunPage } from "../page/run_page.tsx";
import { renderPage, runNotFound } from "../page/render.tsx";
import type { Site } from "../store/site.ts";
import { parseObject } from "../shared/json_rows.ts";
import type { TryEvent } from "../shared/try_events.ts";

/** Notes for those who try the demo's models. */
const DEMO_NOTES: Readonly<Record<string, string>> = {
  [DEMO_MODEL]: "The demo's model and classifier know only dialogues like the example. What they " +
    "say of any other text means nothing.",
  [DEMO_CHAT_MODEL]: "The demo's chat model knows some small talk, and sums of small numbers, as " +
    "in “What is 27 + 5?”.",
};

const questionSchema = z.object({
  text: z.string("Enter a text first.").refine((text) => text.trim() !== "", "Enter a text first."),
  temperature: z.number("The temperature must be a number from 0 to 2.")
    .min(0, "The temperature must be a number from 0 to 2.")
    .max(2, "The temperature must be a number from 0 to 2.")
    .default(0),
  adapter: z.string().optional(),
  chat: z.object({
    system: z.string(),
    turns: z.array(z.object({ text: z.string(), base: z.string(), adapter: z.string() })),
  }).nullable().default(null),
});

/** `/runs/:id/try`: responses to a text with and without the adapter, side by side. */
export function tryRoutes(site: Site): Hono {
  return new Hono()
    .get("/runs/:id/try", async (context) => {
      const id = context.req.param("id");
      const run = await site.overviews.of(id);
      if (!run) return runNotFound(context, id);
      const obstacle = site.tryObstacle(run);
      return context.html(renderPage(
        `Try it · ${run.name}`,
        <RunPage run={run} tabs={site.tabs(run)} tab="/try">
          {obstacle === null && DEMO_NOTES[run.model] !== undefined && (
            <p class="muted">{DEMO_NOTES[run.model]}</p>
          )}
          {obstacle === null
            ? await site.chats(id)
              ? <Island name="TryChat" props={{ id, adapters: site.folder.adapters(id) }} />
              : (
                <Island
                  name="TryForm"
                  props={{
                    id,
                    example: site.example(id),
                    adapters: site.folder.adapters(id),
                  }}
                />
              )
            : (
              <Empty title="Not available">
                <p>{obstacle}</p>
              </Empty>
            )}
        </RunPage>,
      ));
    })
    .post("/api/runs/:id/try", async (context) => {
      const id = context.req.param("id");
      const run = await site.overviews.of(id);
      if (!run) return context.notFound();
      const request = questionSchema.safeParse(parseObject(await context.req.text()) ?? {});
      if (!request.success) {
        return context.json({ type: "failed", reason: request.error.issues[0].message }, 400);
      }
      const { adapter, ...question } = request.data;
      const obstacle = site.tryObstacle(run);
      if (obstacle !== null) return context.json({ type: "failed", reason: obstacle }, 409);
      const adapters = site.folder.adapters(id);
      const chosen = adapter === undefined ? adapters[0] : adapters.find((one) => one === adapter);
      if (chosen === undefined) {
        const reason = "The run does not have this adapter: load this page again.";
        return context.json({ type: "failed", reason }, 404);
      }
      context.header("content-type", "application/x-ndjson");
      return stream(context, async (output) => {
        const withdrawn = new AbortController();
        output.onAbort(() => withdrawn.abort());
        const tell = async (event: TryEvent) => void await output.writeln(JSON.stringify(event));
        const signal = AbortSignal.any([withdrawn.signal, site.stopping]);
        await site.tries.ask(id, chosen, question satisfies Question, tell, signal);
      });
    });
}
