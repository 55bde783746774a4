import { useSignal } from "@preact/signals";
import type { ComponentChildren, JSX } from "preact";
import { ComparedPairCard } from "../../components/compared_pair_card.tsx";
import { MarkedText } from "../../components/marked_text.tsx";
import { Measure, Prompt } from "../../components/sample_card.tsx";
import {
  type ComparedPair,
  type ComparedPrompt,
  marginOf,
  type PromptComparison,
  smallestMarginFirst,
} from "../../shared/comparison.ts";
import { formatChange, formatCount, formatFixed, verdictOf } from "../../shared/format.ts";
import { wordDiff } from "../../shared/word_diff.ts";

/** Number of cards that are shown, and that each click adds. */
const SHOWN = 8;

/** Responses to the same prompts before and after training. */
export function ComparedPrompts(
  { comparison: { score, rows } }: { comparison: PromptComparison },
): JSX.Element {
  const worstFirst = useSignal(false);
  const sign = worstFirst.value ? 1 : -1;
  const sorted = rows.toSorted((a, b) => sign * (a.difference - b.difference) || 0);
  const better = rows.filter(({ difference }) => difference > 0).length;
  return (
    <Section title={`Before and after, ${formatCount(rows.length, "prompt")}`}>
      {score !== null && (
        <p class="actions top">
          <span>{better} with a higher score after training</span>
          <button type="button" onClick={() => worstFirst.value = !worstFirst.value}>
            {worstFirst.value ? "Largest gain first" : "Largest drop first"}
          </button>
        </p>
      )}
      <Cards cards={sorted.map((row) => <PromptCard row={row} score={score} />)} />
    </Section>
  );
}

/** Pairs of a reward model before and after training. */
export function ComparedPairs({ pairs }: { pairs: readonly ComparedPair[] }): JSX.Element {
  const right = pairs.filter((pair) => marginOf(pair) > 0).length;
  return (
    <Section title={`Before and after, ${formatCount(pairs.length, "pair")}`}>
      <p class="actions top">{right} with the higher reward for the chosen answer after training</p>
      <Cards cards={smallestMarginFirst(pairs).map((pair) => <ComparedPairCard pair={pair} />)} />
    </Section>
  );
}

function Section({ title, children }: { title: string; children: ComponentChildren }) {
  return (
    <section class="block" aria-labelledby="compared-title">
      <h2 id="compared-title">{title}</h2>
      {children}
    </section>
  );
}

/** The first cards, and a button for more. */
function Cards({ cards }: { cards: readonly JSX.Element[] }): JSX.Element {
  const shown = useSignal(SHOWN);
  return (
    <>
      <div class="cards">{cards.slice(0, shown.value)}</div>
      {cards.length > shown.value && (
        <p class="actions">
          <button type="button" onClick={() => shown.value += SHOWN}>
            Show more ({cards.length - shown.value} left)
          </button>
        </p>
      )}
    </>
  );
}

function PromptCard({ row, score }: { row: ComparedPrompt; score: string | null }): JSX.Element {
  const { before, after } = wordDiff(row.before, row.after);
  return (
    <article class="card sample set">
      {score !== null && (
        <dl class="measures">
          <Measure
            name={score}
            value={`${formatFixed(row.scoreBefore, 3)} → ${formatFixed(row.scoreAfter, 3)}`}
          />
          <Measure
            name="difference"
            value={formatChange(row.difference, 3)}
            verdict={verdictOf(row.difference)}
          />
        </dl>
      )}
      <Prompt text={row.query} />
      {row.reference !== null && <Prompt title="Reference" text={row.reference} />}
      <div class="columns pair">
        <Side title="Before" text={row.before}>
          <MarkedText parts={before} as="del" />
        </Side>
        <Side title="After" text={row.after}>
          <MarkedText parts={after} as="ins" />
        </Side>
      </div>
    </article>
  );
}

function Side(
  { title, text, children }: { title: string; text: string; children: ComponentChildren },
): JSX.Element {
  return (
    <section>
      <h3>{title}</h3>
      <p class="text">{text ? children : <span class="muted">(empty)</span>}</p>
    </section>
  );
}
