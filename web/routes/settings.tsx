import { Hono } from "hono";
import type { JSX } from "preact";
import { ScrolledTable } from "../components/parts.tsx";
import { RunPage } from "../page/run_page.tsx";
import { formatCount } from "../shared/format.ts";
import { renderPage, runNotFound } from "../page/render.tsx";
import { type Setting, settingsOf, settingText } from "../store/settings.ts";
import type { Site } from "../store/site.ts";
import { kindNamed } from "../store/kinds.ts";
import { sessionsOf } from "../store/overviews.ts";

/** Number of lines of the log that are shown, from its end. */
const LOG_LINES = 500;

/** `/runs/:id/settings`: settings, environment and log of a run. */
export function settingsRoutes(site: Site): Hono {
  return new Hono().get("/runs/:id/settings", async (context) => {
    const id = context.req.param("id");
    const run = await site.overviews.of(id);
    if (!run) return runNotFound(context, id);
    const config = site.folder.readJson(id, "config.json") ?? {};
    const settings = settingsOf(config, kindNamed(run.kind));
    return context.html(renderPage(
      `Settings · ${run.name}`,
      <RunPage run={run} tabs={site.tabs(run)} tab="/settings">
        <Settings settings={settings} />
        <div class="cards below">
          <Environment text={site.folder.readText(id, "environment.json")} />
          <Log text={site.folder.readText(id, "log.txt")} />
        </div>
      </RunPage>,
    ));
  });
}

function Settings({ settings }: { settings: Setting[] }): JSX.Element {
  const changed = settings.filter((setting) => setting.changed).length;
  return (
    <section aria-labelledby="settings-title">
      <div class="page-head">
        <h2 id="settings-title">Settings</h2>
        <p class="muted">
          {changed} of {formatCount(settings.length, "setting")}{" "}
          {changed === 1 ? "differs" : "differ"} from the default, marked ●
        </p>
      </div>
      <ScrolledTable label="Settings" class="settings stacks">
        <thead>
          <tr>
            <th scope="col">Setting</th>
            <th scope="col">Value</th>
            <th scope="col">Default</th>
            <th scope="col">Description</th>
          </tr>
        </thead>
        <tbody>
          {settings.map((setting) => (
            <tr class={setting.changed ? "changed" : undefined}>
              <th scope="row">
                <code>{setting.name}</code>
              </th>
              <td data-label="Value">
                {setting.changed && (
                  <span class="mark" title="differs from the default">
                    ●<span class="visually-hidden">differs from the default:</span>
                  </span>
                )} {setting.value}
              </td>
              <td class="muted" data-label={setting.changed ? "Default" : undefined}>
                {setting.changed ? setting.default : ""}
              </td>
              <td class="muted">{setting.description}</td>
            </tr>
          ))}
        </tbody>
      </ScrolledTable>
    </section>
  );
}

/** Record of the machine, in the last session. */
function Environment({ text }: { text: string | null }): JSX.Element {
  const sessions = sessionsOf(text);
  const last = sessions.at(-1);
  return (
    <section class="card">
      <h2>Environment</h2>
      {last
        ? (
          <>
            {sessions.length > 1 && (
              <p class="muted">
                The last of {formatCount(sessions.length, "session")}: the run was resumed.
              </p>
            )}
            <dl class="pairs">
              {flatten(last).map(([name, value]) => (
                <div>
                  <dt>{name}</dt>
                  <dd>{value}</dd>
                </div>
              ))}
            </dl>
          </>
        )
        : <p class="muted">Not recorded.</p>}
    </section>
  );
}

/** Lists nested values by their paths, such as `versions deno`. */
function flatten(value: object, path = ""): [name: string, value: string][] {
  return Object.entries(value).flatMap(([key, inner]): [string, string][] => {
    const name = path === "" ? key : `${path} ${key}`;
    const isNested = typeof inner === "object" && inner !== null && !Array.isArray(inner);
    if (isNested) return flatten(inner, name);
    const text = key === "command" && Array.isArray(inner) ? inner.join(" ") : settingText(inner);
    return [[name, text]];
  });
}

function Log({ text }: { text: string | null }): JSX.Element {
  const lines = (text ?? "").trimEnd().split("\n");
  return (
    <section class="card">
      <h2>Log</h2>
      {text
        ? <pre tabindex={0} aria-label="Log">{lines.slice(-LOG_LINES).join("\n")}</pre>
        : <p class="muted">Empty.</p>}
    </section>
  );
}
