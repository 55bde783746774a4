import type { JSX } from "preact";
import { MarkedText } from "../../components/marked_text.tsx";
import { Measure, Prompt } from "../../components/sample_card.tsx";
import type { ComparedPrompt, PromptComparison } from "../../shared/comparison.ts";
import { formatChange, formatCount, formatFixed } from "../../shared/format.ts";
import { wordDiff } from "../../shared/word_diff.ts";

/** Maximum number of prompts that are shown. */
const SHOWN = 8;

/** Responses to the same prompts before and after training. */
export function Compared(
  { comparison: { file, score, rows } }: { comparison: PromptComparison },
): JSX.Element {
  const shown = rows.toSorted((a, b) => b.difference - a.difference || 0).slice(0, SHOWN);
  return (
    <section class="block" aria-labelledby="compared-title">
      <h2 id="compared-title">Before and after, {formatCount(rows.length, "prompt")}</h2>
      <div class="cards">
        {shown.map((row) => <ComparedCard row={row} score={score} />)}
      </div>
      {rows.length > SHOWN && (
        <p class="muted">
          {score === null ? "The first ones" : "Those with the largest gain"}. The run's {file}{" "}
          has all.
        </p>
      )}
    </section>
  );
}

function ComparedCard(
  { row, score }: { row: ComparedPrompt; score: string | null },
): JSX.Element {
  const { before, after } = wordDiff(row.before, row.after);
  return (
    <article class="card sample set">
      {score !== null && (
        <dl class="measures">
          <Measure
            name={score}
            value={`${formatFixed(row.scoreBefore, 3)} → ${formatFixed(row.scoreAfter, 3)}`}
          />
          <Measure name="difference" value={formatChange(row.difference, 3)} />
        </dl>
      )}
      <Prompt text={row.query} />
      <div class="columns pair">
        <section>
          <h3>Before</h3>
          <p class="text">
            <MarkedText parts={before} as="del" />
          </p>
        </section>
        <section>
          <h3>After</h3>
          <p class="text">
            <MarkedText parts={after} as="ins" />
          </p>
        </section>
      </div>
    </article>
  );
}
