import { Hono } from "hono";
import { streamSSE } from "hono/streaming";
import type { Site } from "../store/site.ts";
import { runSeries } from "../store/thin.ts";

/** Milliseconds between looks at a run's files. */
const LOOK_MS = 500;
/** Looks without news before a sign of life keeps the connection open. */
const QUIET_LOOKS = 30;
/** Milliseconds after which a browser that lost the connection tries again. */
const RETRY_MS = 1000;
/** Steps that are sent one by one; a reader who missed more reads the thinned curves again. */
const MOST_POINTS = 1000;

/**
 * `/api/runs/:id/series`: the points of the charts; `/api/runs/:id/events`: what is added to them,
 * as server-sent events.
 */
export function liveRoutes(site: Site): Hono {
  return new Hono()
    .get("/api/runs/:id/series", async (context) => {
      const metrics = await site.metrics(context.req.param("id"));
      if (!metrics) return context.json({ lastStep: 0, charts: {} });
      const [from, to] = ["from", "to"].map((name) => Number(context.req.query(name) ?? NaN));
      const range = { from: Number.isNaN(from) ? 0 : from, to: Number.isNaN(to) ? Infinity : to };
      return context.json(runSeries(metrics, range));
    })
    .get("/api/runs/:id/events", async (context) => {
      const id = context.req.param("id");
      if (!await site.overviews.of(id)) return context.notFound();
      const after = context.req.header("last-event-id") ?? context.req.query("after") ?? "0";
      return streamSSE(context, (stream) =>
        followRun(site, id, Number(after) || 0, {
          get gone() {
            return stream.aborted || stream.closed;
          },
          send: (event, data, step) =>
            stream.writeSSE({
              event,
              data: JSON.stringify(data),
              retry: RETRY_MS,
              ...(step === undefined ? {} : { id: String(step) }),
            }),
          ping: async () => void await stream.write(": still here\n\n"),
          sleep: (milliseconds) => stream.sleep(milliseconds),
        }));
    });
}

/** Where events go. */
interface Listener {
  /** Whether nobody listens any more. */
  readonly gone: boolean;
  /** Sends an event; with a step, a reader who comes back is served from there on. */
  send(event: string, data: unknown, step?: number): Promise<void>;
  /** Sends something without a meaning. */
  ping(): Promise<void>;
  /** Waits. */
  sleep(milliseconds: number): Promise<unknown>;
}

/**
 * Tells a listener what happens in a run: `overview` when its headline has changed, `point` for
 * each step after the one it knows, and `restart` when the steps that it knows are void.
 */
async function followRun(site: Site, id: string, known: number, listener: Listener): Promise<void> {
  let headline = "";
  let restarts: number | null = null;
  for (let quiet = 0; !listener.gone; quiet++) {
    // When the server ends, what has happened up to then is still told.
    const isLast = site.stopping.aborted;
    const overview = await site.overviews.of(id);
    if (!overview) return;
    if (JSON.stringify(overview) !== headline) {
      headline = JSON.stringify(overview);
      await listener.send("overview", overview);
      quiet = 0;
    }
    const metrics = await site.metrics(id);
    if (metrics) {
      const { steps } = metrics;
      const next = steps.findLastIndex((step) => step <= known) + 1;
      const isVoid = restarts !== null && metrics.restarts !== restarts;
      const isBehind = steps.length - next > MOST_POINTS;
      if (isVoid || isBehind || (steps.at(-1) ?? 0) < known) {
        return await listener.send("restart", null);
      }
      restarts = metrics.restarts;
      for (let i = next; i < steps.length; i++) {
        known = steps[i];
        await listener.send("point", metrics.point(i), known);
        quiet = 0;
      }
    }
    if (isLast) return;
    if (quiet >= QUIET_LOOKS) {
      await listener.ping();
      quiet = 0;
    }
    await listener.sleep(LOOK_MS);
  }
}
