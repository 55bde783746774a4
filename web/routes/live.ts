import { Hono } from "hono";
import { streamSSE } from "hono/streaming";
import type { Site } from "../store/site.ts";
import { runSeries } from "../shared/thin.ts";

/** Milliseconds between checks of a run's files. */
const CHECK_MS = 500;
/** Number of checks without news before a ping keeps the connection open. */
const QUIET_CHECKS = 30;
/** Milliseconds before a browser that lost the connection tries again. */
const RETRY_MS = 1000;
/** Maximum number of steps sent one by one; a reader who missed more reads the thinned curves again. */
const MAX_POINTS = 1000;

/**
 * `/api/runs/:id/series`: the points of the charts; `/api/runs/:id/events`: new points, as
 * server-sent events.
 */
export function liveRoutes(site: Site): Hono {
  return new Hono()
    .get("/api/runs/:id/series", async (context) => {
      const run = await site.overviews.of(context.req.param("id"));
      const metrics = run && await site.metrics(run);
      if (!metrics) return context.json({ lastStep: 0, specs: [], further: [], charts: {} });
      const [from, to] = ["from", "to"].map((name) => Number(context.req.query(name) ?? NaN));
      const range = { from: Number.isNaN(from) ? 0 : from, to: Number.isNaN(to) ? Infinity : to };
      const all = context.req.query("all") !== undefined;
      return context.json(runSeries(metrics, range, { all }));
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

/** Receiver of events. */
interface Listener {
  /** True once nobody listens any more. */
  readonly gone: boolean;
  /** Sends an event; with a step, a reader who reconnects is served from there on. */
  send(event: string, data: unknown, step?: number): Promise<void>;
  /** Sends a comment, to keep the connection open. */
  ping(): Promise<void>;
  /** Waits. */
  sleep(milliseconds: number): Promise<unknown>;
}

/**
 * Sends a listener the events of a run: `overview` when its overview has changed, `point` for each
 * step after the last known one, and `restart` when the known steps are void.
 */
async function followRun(site: Site, id: string, known: number, listener: Listener): Promise<void> {
  let sent = "";
  let restarts: number | null = null;
  let statistics = 0;
  for (let quiet = 0; !listener.gone; quiet++) {
    // When the server ends, events up to then are still sent.
    const isLast = site.stopping.aborted;
    const overview = await site.overviews.of(id);
    if (!overview) return;
    if (JSON.stringify(overview) !== sent) {
      sent = JSON.stringify(overview);
      await listener.send("overview", overview);
      quiet = 0;
    }
    const metrics = await site.metrics(overview);
    if (metrics) {
      const { steps } = metrics;
      const next = steps.findLastIndex((step) => step <= known) + 1;
      // A statistic that was not there before may add a line to a chart, or a chart.
      const isVoid = restarts !== null &&
        (metrics.restarts !== restarts || metrics.names.length !== statistics);
      const isBehind = steps.length - next > MAX_POINTS;
      if (isVoid || isBehind || (steps.at(-1) ?? 0) < known) {
        return await listener.send("restart", null);
      }
      restarts = metrics.restarts;
      statistics = metrics.names.length;
      for (let i = next; i < steps.length; i++) {
        known = steps[i];
        await listener.send("point", metrics.point(i), known);
        quiet = 0;
      }
    }
    if (isLast) return;
    if (quiet >= QUIET_CHECKS) {
      await listener.ping();
      quiet = 0;
    }
    await listener.sleep(CHECK_MS);
  }
}
