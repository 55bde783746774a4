import type { JSX } from "preact";
import type { ComparisonRow } from "../../../lib/evaluation/compare.ts";
import { MarkedText } from "../../components/marked_text.tsx";
import { Measure, Prompt } from "../../components/sample_card.tsx";
import { formatChange, formatCount, formatFixed } from "../../shared/format.ts";
import { wordDiff } from "../../shared/word_diff.ts";

/** Maximum number of prompts that are shown. */
const SHOWN = 8;

/** Responses to the same prompts before and after training. */
export function Compared({ rows }: { rows: readonly ComparisonRow[] }): JSX.Element {
  return (
    <section class="block" aria-labelledby="compared-title">
      <h2 id="compared-title">Before and after, {formatCount(rows.length, "prompt")}</h2>
      <div class="cards">
        {rows.slice(0, SHOWN).map((row) => <ComparedPrompt row={row} />)}
      </div>
      {rows.length > SHOWN && (
        <p class="muted">Those with the largest gain. The run's comparison.csv has all.</p>
      )}
    </section>
  );
}

function ComparedPrompt({ row }: { row: ComparisonRow }): JSX.Element {
  const { before, after } = wordDiff(row.responseBefore, row.responseAfter);
  return (
    <article class="card sample set">
      <dl class="measures">
        <Measure
          name="reward"
          value={`${formatFixed(row.rewardBefore, 3)} → ${formatFixed(row.rewardAfter, 3)}`}
        />
        <Measure name="difference" value={formatChange(row.difference, 3)} />
      </dl>
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
