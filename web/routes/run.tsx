import { Hono } from "hono";
import { Island } from "../components/island.tsx";
import { RunPage } from "../components/run_page.tsx";
import { renderPage, runNotFound } from "../render.tsx";
import type { Site } from "../site.ts";

/** `/runs/:id`: a run while it trains, and after. */
export function runRoutes(site: Site): Hono {
  return new Hono().get("/runs/:id", async (context) => {
    const id = context.req.param("id");
    const run = await site.overviews.of(id);
    if (!run) return runNotFound(context, id);
    const content = (
      <RunPage run={run} tab="">
        <Island name="RunCharts" props={{ id }} />
      </RunPage>
    );
    return context.html(renderPage(run.name, content));
  });
}
