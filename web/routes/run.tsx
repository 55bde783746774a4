import { Hono } from "hono";
import type { JSX } from "preact";
import { ChangesCard } from "../components/changes_card.tsx";
import { Island } from "../page/island.tsx";
import { renderPage, runNotFound } from "../page/render.tsx";
import { RunPage } from "../page/run_page.tsx";
import { formatMoment } from "../shared/format.ts";
import type { RunOverview } from "../shared/overview.ts";
import { kindNamed } from "../store/kinds.ts";
import type { Site } from "../store/site.ts";

/** `/runs/:id`: a run's charts and results, during training and after. */
export function runRoutes(site: Site): Hono {
  return new Hono().get("/runs/:id", async (context) => {
    const id = context.req.param("id");
    const run = await site.overviews.of(id);
    if (!run) return runNotFound(context, id);
    const kind = kindNamed(run.kind);
    const content = (
      <RunPage run={run} tabs={site.tabs(run)} tab="">
        <Island name="RunWorkers" props={{ id, fleet: run.fleet }} />
        {kind && <Island name="RunCharts" props={{ id, charts: kind.charts }} />}
        <div class="cards below">
          {kind && <ChangesCard changes={run.changes} before={site.before(run)} />}
          <Checkpoints checkpoints={site.folder.checkpoints(id)} />
          <Commands commands={await commandsOf(site, run)} />
        </div>
      </RunPage>
    );
    return context.html(renderPage(run.name, content));
  });
}

function Checkpoints(
  { checkpoints }: { checkpoints: { name: string; saved: number }[] },
): JSX.Element {
  return (
    <section class="card">
      <h2>Checkpoints</h2>
      {checkpoints.length === 0 ? <p class="muted">None yet.</p> : (
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

/** A command line with its purpose. */
interface Command {
  purpose: string;
  line: string;
}

/** Commands that go on with a run, or use what it has saved. */
async function commandsOf(
  site: Site,
  { id, kind: name, model, state, resumable }: RunOverview,
): Promise<Command[]> {
  const kind = kindNamed(name);
  const path = `${site.folder.path}/${id}`;
  const commands: Command[] = [];
  if (kind?.command && resumable) {
    commands.push({
      purpose: state === "running" ? "If it is interrupted, resume it with" : "Resume it with",
      line: `temper ${kind.command} --resume ${shellWord(path)}`,
    });
  }
  if (!kind?.answerSettings) return commands;
  const chats = await site.chats(id);
  const purpose = chats ? "Chat" : "Summarize a dialogue";
  const template = site.folder.readJson(id, "config.json")?.chatTemplate;
  const generate = chats ? "temper generate --chat" : "temper generate";
  const input = chats ? "" : " < dialogue.txt";
  const [adapter] = site.folder.adapters(id);
  if (adapter !== undefined) {
    const own = typeof template === "string" ? ` --chat-template ${shellWord(template)}` : "";
    commands.push({
      purpose: `${purpose} with its adapter`,
      line: `${generate} --model ${shellWord(model)} ` +
        `--adapter ${shellWord(`${path}/${adapter}`)}${own}${input}`,
    });
  } else if (site.folder.has(id, "model")) {
    commands.push({
      purpose: `${purpose} with its model`,
      line: `${generate} --model ${shellWord(`${path}/model`)}${input}`,
    });
  }
  return commands;
}

function Commands({ commands }: { commands: readonly Command[] }): JSX.Element | null {
  if (commands.length === 0) return null;
  return (
    <section class="card">
      <h2>Next steps</h2>
      {commands.map(({ purpose, line }) => (
        <>
          <p class="muted">{purpose}</p>
          <pre tabindex={0}>{line}</pre>
        </>
      ))}
    </section>
  );
}

/** Quotes a text as one word of a shell's command line. */
function shellWord(text: string): string {
  return /^[\w./@:-]+$/.test(text) ? text : `'${text.replaceAll("'", "'\\''")}'`;
}
