import { type Context, Hono } from "hono";
import type { JSX } from "preact";
import { Empty, Pager } from "../components/parts.tsx";
import { RunPage } from "../page/run_page.tsx";
import { formatChange, formatCount, formatFixed } from "../shared/format.ts";
import { runPath, withQuery } from "../shared/paths.ts";
import { renderPage, runNotFound } from "../page/render.tsx";
import type { Site } from "../store/site.ts";
import { type ComparedPrompt, dialogueOf, parseComparison } from "../store/comparison.ts";
import { type DiffPart, wordDiff } from "../shared/word_diff.ts";

/** Rows of a page. */
const ROWS_PER_PAGE = 25;
/** Characters of a prompt that stand for it. */
const TITLE = 120;

/**
 * `/runs/:id/comparison`: the same prompts before and after; `/runs/:id/comparison.csv`: the file.
 */
export function comparisonRoutes(site: Site): Hono {
  return new Hono()
    .get("/runs/:id/comparison.csv", (context) => {
      const id = context.req.param("id");
      const text = site.folder.readText(id, "comparison.csv");
      if (text === null) return runNotFound(context, id);
      const name = id.replace(/[^\w.-]+/g, "-");
      return context.body(text, 200, {
        "content-type": "text/csv; charset=utf-8",
        "content-disposition": `attachment; filename="${name}-comparison.csv"`,
      });
    })
    .get("/runs/:id/comparison", async (context) => {
      const id = context.req.param("id");
      const run = await site.overviews.of(id);
      if (!run) return runNotFound(context, id);
      const rows = parseComparison(site.folder.readText(id, "comparison.csv"));
      return context.html(renderPage(
        `Before and after · ${run.name}`,
        <RunPage run={run} tab="/comparison">
          {rows.length === 0
            ? (
              <Empty title="Not compared yet">
                <p>
                  The comparison is made at the end of a run, from the prompts of the test split.
                </p>
              </Empty>
            )
            : (
              <Comparison
                rows={rows}
                template={String(site.folder.readJson(id, "config.json")?.prompt ?? "")}
                path={`${runPath(id)}/comparison`}
                context={context}
              />
            )}
        </RunPage>,
      ));
    });
}

function Comparison(
  { rows, template, path, context }: {
    rows: ComparedPrompt[];
    /** The run's prompt, which is left out where prompts are told apart. */
    template: string;
    path: string;
    context: Context;
  },
): JSX.Element {
  const worstFirst = context.req.query("order") === "up";
  const sign = worstFirst ? 1 : -1;
  const sorted = rows.toSorted((a, b) => sign * (a.difference - b.difference));
  const pages = Math.ceil(rows.length / ROWS_PER_PAGE);
  const asked = Math.trunc(Number(context.req.query("page"))) || 1;
  const page = Math.min(Math.max(1, asked), pages);
  const order = worstFirst ? "up" : "";
  const better = rows.filter(({ difference }) => difference > 0).length;
  return (
    <>
      <p class="actions top">
        <span>
          {formatCount(rows.length, "prompt")}, {better} of them better after training.
        </span>
        <a href={withQuery(path, { order: worstFirst ? "" : "up" })}>
          {worstFirst ? "Largest gain first" : "Largest loss first"}
        </a>
        <a class="button" href={`${path}.csv`} download>Export as CSV</a>
      </p>
      <div class="table-scroll" tabindex={0} role="region" aria-label="Before and after">
        <table class="comparison stacks">
          <thead>
            <tr>
              <th scope="col">Prompt</th>
              <th scope="col">Before</th>
              <th scope="col">After</th>
              <th scope="col" class="number">Reward</th>
              <th scope="col" class="number" aria-sort={worstFirst ? "ascending" : "descending"}>
                Difference
              </th>
            </tr>
          </thead>
          <tbody>
            {sorted.slice((page - 1) * ROWS_PER_PAGE, page * ROWS_PER_PAGE).map((row) => (
              <ComparisonRow row={row} title={dialogueOf(row.query, template)} />
            ))}
          </tbody>
        </table>
      </div>
      <Pager
        page={page}
        pages={pages}
        href={(number) => withQuery(path, { order, page: number === 1 ? "" : number })}
      />
    </>
  );
}

function ComparisonRow({ row, title }: { row: ComparedPrompt; title: string }): JSX.Element {
  const { before, after } = wordDiff(row.before, row.after);
  return (
    <tr>
      <td class="prompt" data-label="Prompt">
        <details>
          <summary>{title.length > TITLE ? `${title.slice(0, TITLE)}…` : title}</summary>
          <p class="text">{row.query}</p>
        </details>
      </td>
      <td data-label="Before">{before.map((part) => <Marked part={part} as="del" />)}</td>
      <td data-label="After">{after.map((part) => <Marked part={part} as="ins" />)}</td>
      <td class="number" data-label="Reward">
        {formatFixed(row.rewardBefore, 2)} → {formatFixed(row.rewardAfter, 2)}
      </td>
      <td class="number" data-label="Difference">
        <span class={row.difference >= 0 ? "better" : "worse"}>
          {formatChange(row.difference, 2)}
        </span>
      </td>
    </tr>
  );
}

function Marked({ part, as: Tag }: { part: DiffPart; as: "ins" | "del" }): JSX.Element {
  if (!part.changed) return <>{part.text}</>;
  const words = part.text.trimEnd();
  return (
    <>
      <Tag>{words}</Tag>
      {part.text.slice(words.length)}
    </>
  );
}
