import type { ComponentChildren, JSX } from "preact";
import { formatChange, formatFixed } from "../shared/format.ts";
import type { Sample, SampleSet } from "../shared/samples.ts";
import { PairCard } from "./pair_card.tsx";
import { Measure, Prompt, Response, SampleCard, SampleMeasures } from "./sample_card.tsx";

/** Samples that are seen together: responses side by side, or a single one. */
export function SampleSetCard(
  { set, children }: { set: SampleSet; children?: ComponentChildren },
): JSX.Element {
  const pair = pairOf(set);
  if (pair) return <SamplePair {...pair} links={children} />;
  if (set.length > 1) return <GroupCard group={set}>{children}</GroupCard>;
  return <SampleCard sample={set[0]}>{children}</SampleCard>;
}

/** The number of a set that a curve over the steps shows: a pair's margin, else the mean reward. */
export function setValue(set: SampleSet): { name: "margin" | "reward"; value: number } {
  if (pairOf(set)) return { name: "margin", value: set[0].margin };
  const { mean } = statisticsOf(set);
  return { name: "reward", value: mean };
}

function GroupCard(
  { group, children }: { group: SampleSet; children?: ComponentChildren },
): JSX.Element {
  const { mean, std, isFlat } = statisticsOf(group);
  // Those without a reward come last.
  const sorted = group.toSorted((a, b) => placeOf(b) - placeOf(a) || 0);
  return (
    <article class="card sample set">
      <dl class="measures">
        <Measure name="group of" value={String(group.length)} />
        <Measure name="mean reward" value={formatFixed(mean, 3)} />
        <Measure name="std" value={formatFixed(std, 3)} />
        <Measure name="step" value={String(group[0].step)} />
      </dl>
      {isFlat && <p class="badge">no spread: nothing to learn from</p>}
      <Prompt text={group[0].query} />
      <ul class="columns">
        {sorted.map((sample) => (
          <li class={sideOfMean(sample)}>
            <dl class="measures">
              <SampleMeasures sample={sample} />
              {!isNumber(sample.reward) && <Measure name="reward" value="none" />}
            </dl>
            <Response sample={sample} />
          </li>
        ))}
      </ul>
      {children}
    </article>
  );
}

function SamplePair(
  { chosen, rejected, links }: { chosen: Sample; rejected: Sample; links: ComponentChildren },
): JSX.Element {
  const { margin, step, query } = chosen;
  const verdict = margin > 0 ? "better" : margin < 0 ? "worse" : undefined;
  const answer = (sample: Sample) => ({
    text: sample.response,
    measures: <SampleMeasures sample={sample} />,
  });
  return (
    <PairCard
      prompt={query}
      margin={margin}
      chosen={answer(chosen)}
      rejected={answer(rejected)}
      links={links}
    >
      <Measure name="margin" value={formatChange(margin, 3)} verdict={verdict} />
      <Measure name="step" value={String(step)} />
    </PairCard>
  );
}

/** The two answers of a set that is a pair; null for another. */
function pairOf(set: SampleSet): { chosen: Sample; rejected: Sample } | null {
  const [chosen, rejected] = (["chosen", "rejected"] as const).map((side) =>
    set.find((sample) => sample.side === side)
  );
  return set.length === 2 && chosen && rejected ? { chosen, rejected } : null;
}

/** Mean and std, with Bessel's correction, of the rewards that there are. */
function statisticsOf(set: SampleSet): { mean: number; std: number; isFlat: boolean } {
  const rewards = set.map(({ reward }) => reward).filter(isNumber);
  const mean = rewards.reduce((sum, reward) => sum + reward, 0) / rewards.length;
  const squares = rewards.reduce((sum, reward) => sum + (reward - mean) ** 2, 0);
  const isFlat = rewards.length > 0 && rewards.every((reward) => reward === rewards[0]);
  return { mean, std: Math.sqrt(squares / (rewards.length - 1)), isFlat };
}

/** In a browser, a missing number is null: JSON has no NaN. */
function isNumber(value: number | null): value is number {
  return Number.isFinite(value);
}

function placeOf({ reward }: Sample): number {
  return isNumber(reward) ? reward : -Infinity;
}

/** Class of a response that is better or worse than its group. */
function sideOfMean({ advantage }: Sample): "over" | "under" | undefined {
  return advantage > 0 ? "over" : advantage < 0 ? "under" : undefined;
}
