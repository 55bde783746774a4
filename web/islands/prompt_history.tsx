import { useSignal } from "@preact/signals";
import type { JSX } from "preact";
import { Sparkline } from "../components/parts.tsx";
import { SampleSetCard, setValue } from "../components/sample_set.tsx";
import { capitalized } from "../shared/format.ts";
import type { SampleSet } from "../shared/samples.ts";

/** Responses to one prompt, with a slider through the steps. */
export function PromptHistory({ sets }: { sets: SampleSet[] }): JSX.Element {
  const index = useSignal(sets.length - 1);
  const set = sets[index.value];
  const [{ step }] = set;
  const title = `${capitalized(setValue(set).name)} over these steps`;
  return (
    <div class="history">
      <div class="controls">
        <label>
          Step
          <input
            type="range"
            min="0"
            max={sets.length - 1}
            value={index.value}
            aria-valuetext={`step ${step}`}
            onInput={(event) => index.value = Number(event.currentTarget.value)}
          />
          <output class="number">{step}</output>
        </label>
        <span class="curve muted">
          {title}
          <Sparkline values={sets.map((set) => setValue(set).value)} label={title} />
        </span>
      </div>
      <SampleSetCard set={set} />
    </div>
  );
}
