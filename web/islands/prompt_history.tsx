import { useSignal } from "@preact/signals";
import type { JSX } from "preact";
import { Sparkline } from "../components/parts.tsx";
import { SampleCard } from "../components/sample_card.tsx";
import type { Sample } from "../shared/samples.ts";

/** Responses to one prompt, with a slider through the steps. */
export function PromptHistory({ samples }: { samples: Sample[] }): JSX.Element {
  const index = useSignal(samples.length - 1);
  const sample = samples[index.value];
  return (
    <div class="history">
      <div class="controls">
        <label>
          Step
          <input
            type="range"
            min="0"
            max={samples.length - 1}
            value={index.value}
            aria-valuetext={`step ${sample.step}`}
            onInput={(event) => index.value = Number(event.currentTarget.value)}
          />
          <output class="number">{sample.step}</output>
        </label>
        <span class="curve muted">
          Reward over these steps
          <Sparkline values={samples.map(({ reward }) => reward)} label="Reward over these steps" />
        </span>
      </div>
      <SampleCard sample={sample} />
    </div>
  );
}
