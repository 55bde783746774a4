import { Hono } from "hono";
import { stream } from "hono/streaming";
import { Island } from "../page/island.tsx";
import { DEMO_MODEL } from "../../lib/runs/settings/demo.ts";
import { Empty } from "../components/parts.tsx";
import { RunPage } from "../page/run_page.tsx";
import { renderPage, runNotFound } from "../page/render.tsx";
import type { Site } from "../store/site.ts";
import { parseObject } from "../store/json_lines.ts";
import type { TryEvent } from "../shared/try_events.ts";

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
          {obstacle === null && run.model === DEMO_MODEL && (
            <p class="muted">
              The demo's model and classifier know only dialogues like the example. What they say of
              any other text means nothing.
            </p>
          )}
          {obstacle === null
            ? (
              <Island
                name="TryForm"
                props={{
                  id,
                  example: site.exampleDialogue(id),
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
      const { text, adapter, temperature = 0 } = parseObject(await context.req.text()) ?? {};
      if (typeof text !== "string" || text.trim() === "") {
        return context.json({ type: "failed", reason: "Enter a dialogue first." }, 400);
      }
      if (typeof temperature !== "number" || !(temperature >= 0 && temperature <= 2)) {
        const reason = "The temperature must be a number from 0 to 2.";
        return context.json({ type: "failed", reason }, 400);
      }
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
        await site.tries.ask(id, chosen, { text, temperature }, tell, signal);
      });
    });
}
