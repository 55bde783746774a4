import type { ComponentChildren, JSX } from "preact";
import { type DiffPart, wordDiff } from "../shared/word_diff.ts";
import { MarkedText } from "./marked_text.tsx";
import { Prompt } from "./sample_card.tsx";

/** Minimum share of characters that two texts have in common for their differences to be marked. */
const ALIKE = 0.4;

/** An answer of a pair. */
export interface PairAnswer {
  /** Text. */
  text: string;
  /** Numbers of the answer. */
  measures: ComponentChildren;
}

/** The two answers to a prompt, the chosen and the rejected one, side by side. */
export function PairCard(
  { prompt, margin, chosen, rejected, children, links }: {
    prompt: string;
    /** Reward of the chosen answer minus that of the rejected one. */
    margin: number;
    chosen: PairAnswer;
    rejected: PairAnswer;
    /** Numbers of the pair. */
    children: ComponentChildren;
    /** Links below the answers. */
    links?: ComponentChildren;
  },
): JSX.Element {
  const [right, wrong] = markedPair(chosen.text, rejected.text);
  return (
    <article class="card sample set">
      <dl class="measures">{children}</dl>
      {margin < 0 && <p class="badge">the rejected answer has the higher reward</p>}
      <Prompt text={prompt} />
      <div class="columns pair">
        <Side title="Chosen" answer={chosen} text={<MarkedText parts={right} as="ins" />} />
        <Side title="Rejected" answer={rejected} text={<MarkedText parts={wrong} as="del" />} />
      </div>
      {links}
    </article>
  );
}

function Side(
  { title, answer, text }: { title: string; answer: PairAnswer; text: JSX.Element },
): JSX.Element {
  return (
    <section>
      <h2>{title}</h2>
      <dl class="measures">{answer.measures}</dl>
      <p class="text">{answer.text ? text : <span class="muted">(empty)</span>}</p>
    </section>
  );
}

/** The differences of two texts, where they have enough in common to have some. */
function markedPair(chosen: string, rejected: string): [DiffPart[], DiffPart[]] {
  const { before, after } = wordDiff(rejected, chosen);
  const length = (parts: readonly DiffPart[]) =>
    parts.reduce((sum, { text, changed }) => sum + (changed ? 0 : text.length), 0);
  const share = length(before) / Math.max(1, Math.max(chosen.length, rejected.length));
  if (share < ALIKE) {
    return [[{ text: chosen, changed: false }], [{ text: rejected, changed: false }]];
  }
  return [after, before];
}
