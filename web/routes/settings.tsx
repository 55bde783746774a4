import { Hono } from "hono";
import type { JSX } from "preact";
import { RunPage } from "../page/run_page.tsx";
import { formatCount } from "../shared/format.ts";
import { renderPage, runNotFound } from "../page/render.tsx";
import { type Setting, settingsOf, settingText } from "../store/settings.ts";
import type { Site } from "../store/site.ts";
import { sessionsOf } from "../store/overviews.ts";

/** Lines of the log that are shown: the last ones. */
const LOG_LINES = 500;

/** `/runs/:id/settings`: configuration, environment and log of a run. */
export function settingsRoutes(site: Site): Hono {
  return new Hono().get("/runs/:id/settings", async (context) => {
    const id = context.req.param("id");
    const run = await site.overviews.of(id);
    if (!run) return runNotFound(context, id);
    const settings = settingsOf(site.folder.readJson(id, "config.json") ?? {});
    return context.html(renderPage(
      `Settings · ${run.name}`,
      <RunPage run={run} tab="/settings">
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
        <h2 id="settings-title">Configuration</h2>
        <p class="muted">
          {formatCount(changed, "setting")} of {settings.length} differ{changed === 1 ? "s" : ""}
          {" "}
          from the defaults, marked ●
        </p>
      </div>
      <div class="table-scroll" tabindex={0} role="region" aria-label="Configuration">
        <table class="settings stacks">
          <thead>
            <tr>
              <th scope="col">Setting</th>
              <th scope="col">Value</th>
              <th scope="col">Default</th>
              <th scope="col">What it does</th>
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
        </table>
      </div>
    </section>
  );
}

/** What was recorded of the machine; of several sessions, the last one. */
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
                The last of {sessions.length} sessions; the run was resumed in between.
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
        : <p class="muted">Nothing was recorded.</p>}
    </section>
  );
}

/** Nested values by their path, such as `versions deno`. */
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
        : <p class="muted">Nothing was logged.</p>}
    </section>
  );
}
