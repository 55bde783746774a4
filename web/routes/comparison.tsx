import { type Context, Hono } from "hono";
import type { JSX } from "preact";
import { MarkedText } from "../components/marked_text.tsx";
import { ComparedPairCard } from "../components/compared_pair_card.tsx";
import { Empty, Pager, ScrolledTable } from "../components/parts.tsx";
import { fileType } from "../shared/file_types.ts";
import { RunPage } from "../page/run_page.tsx";
import { dialogueOf } from "../shared/dialogue.ts";
import { formatChange, formatCount, formatFixed, verdictOf } from "../shared/format.ts";
import { runPath, withQuery } from "../shared/paths.ts";
import { renderPage, runNotFound } from "../page/render.tsx";
import type { Site } from "../store/site.ts";
import {
  type ComparedPair,
  type ComparedPrompt,
  marginOf,
  type PromptComparison,
  readComparison,
  readPairs,
  smallestMarginFirst,
} from "../shared/comparison.ts";
import { wordDiff } from "../shared/word_diff.ts";

/** Number of rows on a page. */
const ROWS_PER_PAGE = 25;
/** Maximum number of characters of a prompt in the table. */
const TITLE = 120;

/**
 * `/runs/:id/comparison`: the same prompts before and after training; `/runs/:id/comparison.csv` and
 * its like: the file behind it.
 */
export function comparisonRoutes(site: Site): Hono {
  return new Hono()
    .get("/runs/:id/:file{comparison[.]csv|(?:summaries|answers|pairs)[.]jsonl}", (context) => {
      const { id, file } = context.req.param();
      const text = site.folder.readText(id, file);
      if (text === null) return runNotFound(context, id);
      const name = id.replace(/[^\w.-]+/g, "-");
      return context.body(text, 200, {
        "content-type": fileType(file),
        "content-disposition": `attachment; filename="${name}-${file}"`,
      });
    })
    .get("/runs/:id/comparison", async (context) => {
      const id = context.req.param("id");
      const run = await site.overviews.of(id);
      if (!run) return runNotFound(context, id);
      const read = (file: string) => site.folder.readText(id, file);
      const pairs = readPairs(read);
      const comparison = pairs.length > 0 ? null : readComparison(read);
      return context.html(renderPage(
        `Before and after · ${run.name}`,
        <RunPage run={run} tabs={site.tabs(run)} tab="/comparison">
          {pairs.length > 0
            ? <Pairs pairs={pairs} id={id} context={context} />
            : comparison === null
            ? (
              <Empty title="Not compared yet">
                <p>
                  Responses before and after training are compared at the end of a run, on prompts
                  of the test split.
                </p>
              </Empty>
            )
            : (
              <Comparison
                comparison={comparison}
                template={String(site.folder.readJson(id, "config.json")?.prompt ?? "")}
                id={id}
                context={context}
              />
            )}
        </RunPage>,
      ));
    });
}

/** Pairs of a reward model, those with the smallest margin first: they are what it gets wrong. */
function Pairs(
  { pairs, id, context }: { pairs: ComparedPair[]; id: string; context: Context },
): JSX.Element {
  const path = runPath(id, "/comparison");
  const sorted = smallestMarginFirst(pairs);
  const pages = Math.ceil(pairs.length / ROWS_PER_PAGE);
  const asked = Math.trunc(Number(context.req.query("page"))) || 1;
  const page = Math.min(Math.max(1, asked), pages);
  const right = pairs.filter((pair) => marginOf(pair) > 0).length;
  return (
    <>
      <p class="actions top">
        <span>
          {formatCount(pairs.length, "pair")}, {right}{" "}
          with the higher reward for the chosen answer after training
        </span>
        <a class="button" href={`${runPath(id)}/pairs.jsonl`} download>Download pairs.jsonl</a>
      </p>
      <div class="cards">
        {sorted.slice((page - 1) * ROWS_PER_PAGE, page * ROWS_PER_PAGE).map((pair) => (
          <ComparedPairCard pair={pair} />
        ))}
      </div>
      <Pager
        page={page}
        pages={pages}
        href={(number) => withQuery(path, { page: number === 1 ? "" : number })}
      />
    </>
  );
}

function Comparison(
  { comparison: { file, score, rows }, template, id, context }: {
    comparison: PromptComparison;
    /** Template of the run's prompts, which is left out of their titles. */
    template: string;
    id: string;
    context: Context;
  },
): JSX.Element {
  const path = runPath(id, "/comparison");
  const worstFirst = context.req.query("order") === "up";
  const sign = worstFirst ? 1 : -1;
  const sorted = rows.toSorted((a, b) => sign * (a.difference - b.difference) || 0);
  const pages = Math.ceil(rows.length / ROWS_PER_PAGE);
  const asked = Math.trunc(Number(context.req.query("page"))) || 1;
  const page = Math.min(Math.max(1, asked), pages);
  const order = worstFirst ? "up" : "";
  const better = rows.filter(({ difference }) => difference > 0).length;
  return (
    <>
      <p class="actions top">
        <span>
          {formatCount(rows.length, "prompt")}
          {score !== null && `, ${better} with a higher ${score} after training`}
        </span>
        {score !== null && (
          <a href={withQuery(path, { order: worstFirst ? "" : "up" })}>
            {worstFirst ? "Largest gain first" : "Largest drop first"}
          </a>
        )}
        <a class="button" href={`${runPath(id)}/${file}`} download>Download {file}</a>
      </p>
      <ScrolledTable label="Before and after" class="comparison stacks">
        <thead>
          <tr>
            <th scope="col">Prompt</th>
            <th scope="col">Before</th>
            <th scope="col">After</th>
            {score !== null && (
              <>
                <th scope="col" class="number">{score}</th>
                <th
                  scope="col"
                  class="number"
                  aria-sort={worstFirst ? "ascending" : "descending"}
                >
                  Difference
                </th>
              </>
            )}
          </tr>
        </thead>
        <tbody>
          {sorted.slice((page - 1) * ROWS_PER_PAGE, page * ROWS_PER_PAGE).map((row) => (
            <ComparisonRow row={row} score={score} title={dialogueOf(row.query, template)} />
          ))}
        </tbody>
      </ScrolledTable>
      <Pager
        page={page}
        pages={pages}
        href={(number) => withQuery(path, { order, page: number === 1 ? "" : number })}
      />
    </>
  );
}

function ComparisonRow(
  { row, score, title }: { row: ComparedPrompt; score: string | null; title: string },
): JSX.Element {
  const { before, after } = wordDiff(row.before, row.after);
  return (
    <tr>
      <td class="prompt" data-label="Prompt">
        <details>
          <summary>{title.length > TITLE ? `${title.slice(0, TITLE)}…` : title}</summary>
          <p class="text">{row.query}</p>
          {row.reference !== null && (
            <>
              <p class="muted">Reference</p>
              <p class="text">{row.reference}</p>
            </>
          )}
        </details>
      </td>
      <td data-label="Before">
        <MarkedText parts={before} as="del" />
      </td>
      <td data-label="After">
        <MarkedText parts={after} as="ins" />
      </td>
      {score !== null && (
        <>
          <td class="number" data-label={score}>
            {formatFixed(row.scoreBefore, 2)} → {formatFixed(row.scoreAfter, 2)}
          </td>
          <td class="number" data-label="Difference">
            <span class={verdictOf(row.difference)}>
              {formatChange(row.difference, 2)}
            </span>
          </td>
        </>
      )}
    </tr>
  );
}
