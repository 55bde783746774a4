import type { JSX } from "preact";
import { type ComparedAnswer, type ComparedPair, marginOf } from "../shared/comparison.ts";
import { formatFixed, verdictOf } from "../shared/format.ts";
import { PairCard } from "./pair_card.tsx";
import { Measure } from "./sample_card.tsx";

/** A pair of a reward model, with its rewards and their margin before and after training. */
export function ComparedPairCard({ pair }: { pair: ComparedPair }): JSX.Element {
  const { prompt, chosen, rejected } = pair;
  const margin = marginOf(pair);
  const change = (before: number, after: number) =>
    `${formatFixed(before, 3)} → ${formatFixed(after, 3)}`;
  const side = ({ text, before, after }: ComparedAnswer) => ({
    text,
    measures: <Measure name="reward" value={change(before, after)} />,
  });
  return (
    <PairCard prompt={prompt} margin={margin} chosen={side(chosen)} rejected={side(rejected)}>
      <Measure
        name="margin"
        value={change(chosen.before - rejected.before, margin)}
        verdict={verdictOf(margin)}
      />
    </PairCard>
  );
}
