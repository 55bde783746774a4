import { Hono } from "hono";
import type { JSX } from "preact";
import { Island } from "../page/island.tsx";
import { RunPage } from "../page/run_page.tsx";
import { type Measured, ToxicityCard } from "../components/toxicity_card.tsx";
import { formatMoment } from "../shared/format.ts";
import type { RunOverview } from "../shared/overview.ts";
import { renderPage, runNotFound } from "../page/render.tsx";
import type { Site } from "../store/site.ts";

/** `/runs/:id`: a run while it trains, and after. */
export function runRoutes(site: Site): Hono {
  return new Hono().get("/runs/:id", async (context) => {
    const id = context.req.param("id");
    const run = await site.overviews.of(id);
    if (!run) return runNotFound(context, id);
    const content = (
      <RunPage run={run} tab="">
        <Island name="RunCharts" props={{ id, kind: run.kind }} />
        <div class="cards below">
          {run.kind === "ppo" && <ToxicityCard measured={measurementsOf(site, id)} />}
          <Checkpoints checkpoints={site.folder.checkpoints(id)} />
          <Commands
            run={run}
            path={`${site.folder.path}/${id}`}
            adapter={site.folder.adapters(id).at(0)}
          />
        </div>
      </RunPage>
    );
    return context.html(renderPage(run.name, content));
  });
}

function measurementsOf(site: Site, id: string): { before?: Measured; after?: Measured } {
  const summary = site.folder.readJson(id, "summary.json")?.toxicity;
  if (typeof summary === "object" && summary !== null) return summary;
  // While a run trains, only the first measurement is there.
  const before = site.folder.readJson(id, "toxicity_before.json");
  return before === null ? {} : { before: before as unknown as Measured };
}

function Checkpoints(
  { checkpoints }: { checkpoints: { name: string; saved: number }[] },
): JSX.Element {
  return (
    <section class="card">
      <h2>Checkpoints</h2>
      {checkpoints.length === 0
        ? <p class="muted">None yet; one is saved every few steps and at the end.</p>
        : (
          <dl class="pairs">
            {checkpoints.map(({ name, saved }) => (
              <div>
                <dt>
                  <code>{name}</code>
                </dt>
                <dd class="muted">{formatMoment(saved)}</dd>
              </div>
            ))}
          </dl>
        )}
    </section>
  );
}

/** What to type to go on with the run, or to use what it has saved. */
function Commands(
  { run, path, adapter }: { run: RunOverview; path: string; adapter: string | undefined },
): JSX.Element {
  return (
    <section class="card">
      <h2>Go on</h2>
      {run.state !== "finished" && run.kind === "ppo" && (
        <>
          <p class="muted">
            {run.state === "running"
              ? "Should it be interrupted, resume it with"
              : "Resume it with"}
          </p>
          <pre tabindex={0}>temper train --resume {shellWord(path)}</pre>
        </>
      )}
      {adapter !== undefined && (
        <>
          <p class="muted">Summarize a dialogue with its adapter</p>
          <pre tabindex={0}>
            temper generate --model {shellWord(run.model)} --adapter{" "}
            {shellWord(`${path}/${adapter}`)} &lt; dialogue.txt
          </pre>
        </>
      )}
    </section>
  );
}

/** A text as one word of a shell's command line. */
function shellWord(text: string): string {
  return /^[\w./@:-]+$/.test(text) ? text : `'${text.replaceAll("'", "'\\''")}'`;
}
