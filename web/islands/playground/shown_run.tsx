import { useSignal } from "@preact/signals";
import type { JSX } from "preact";
import { SampleSetCard } from "../../components/sample_set.tsx";
import { StateBadge, StepProgress } from "../../components/parts.tsx";
import { capitalized } from "../../shared/format.ts";
import type { RunState } from "../../shared/overview.ts";
import { ChartGrid } from "../chart_grid.tsx";
import { Failure } from "./failure.tsx";
import { ComparedPairs, ComparedPrompts } from "./compared.tsx";
import { Downloads } from "./downloads.tsx";
import { MissingFiles } from "./missing_files.tsx";
import { hasEnded, type Phase } from "./run_state.ts";
import type { TabTraining } from "./tab_training.ts";
import { TryHere } from "./try_here.tsx";

const STATES: Readonly<Record<Phase, RunState>> = {
  starting: "running",
  running: "running",
  pausing: "running",
  paused: "stopped",
  stopping: "running",
  finished: "finished",
  stopped: "stopped",
  failed: "failed",
};

const STATUS: Readonly<Record<Phase, string>> = {
  starting: "Loading, and measuring the model before training",
  running: "Training",
  pausing: "Pauses after this step",
  paused: "Paused",
  stopping: "Stops after this step",
  finished: "What it trained can be downloaded",
  stopped: "Its checkpoint is kept",
  failed: "It has ended with an error",
};

/** Run of this tab: its progress, its charts and samples, and what can be done with it. */
export function ShownRunSection(
  { training, resume }: {
    training: TabTraining;
    /** Goes on with the run. */
    resume: (name: string) => void;
  },
): JSX.Element | null {
  const view = {
    smoothing: useSignal(0),
    axis: useSignal<"step" | "time">("step"),
    range: useSignal<{ from: number; to: number } | null>(null),
  };
  const run = training.run.value;
  if (run === null) return null;
  const { kind, name, phase, step, steps, failure, warning, measured, comparison, pairs, trying } =
    run;
  const title = name === "" ? capitalized(kind.title) : name;
  const canPause = phase === "running" || phase === "paused";
  const isOver = hasEnded(run);
  const canGoOn = name !== "" && (phase === "stopped" || phase === "failed");
  const { missing } = training;
  const range = view.range.value;
  return (
    <section class="block playground-run" aria-labelledby="run-title">
      <div class="run-title">
        <h2 id="run-title">{title}</h2>
        <StateBadge state={STATES[phase]} />
        <StepProgress run={{ name: title, step, steps, secondsLeft: null }} />
        <span role="status" class="muted">{STATUS[phase]}</span>
      </div>
      {failure !== null && <Failure message={failure} />}
      {warning !== null && <p class="notice" role="status">{capitalized(warning)}.</p>}
      {!isOver && (
        <p class="actions">
          {phase === "paused"
            ? <button type="button" onClick={() => training.goOn()}>Resume</button>
            : (
              <button type="button" disabled={!canPause} onClick={() => training.pause()}>
                Pause
              </button>
            )}
          <button type="button" disabled={phase === "stopping"} onClick={() => training.stop()}>
            Stop
          </button>
        </p>
      )}
      {missing.length > 0 && (
        <MissingFiles
          training={training}
          missing={missing}
          purpose={phase === "finished" ? "to try its model" : "to resume the run"}
        />
      )}
      {canGoOn && (
        <p class="actions">
          <button type="button" onClick={() => resume(name)}>Resume</button>
        </p>
      )}
      {(measured.before ?? measured.after) !== null && (
        <dl class="pairs card">
          {(["before", "after"] as const).map((when) =>
            measured[when] !== null && (
              <div>
                <dt>{capitalized(when)} training</dt>
                <dd>{measured[when]}</dd>
              </div>
            )
          )}
        </dl>
      )}
      {training.notes.value.length > 0 && (
        <details>
          <summary>Messages of the run ({training.notes.value.length})</summary>
          <pre tabindex={0} aria-label="Messages of the run">{training.notes.value.join("\n")}</pre>
        </details>
      )}
      {isOver && step > 0 && <Downloads training={training} run={run} />}
      {phase === "finished" && trying !== null && missing.length === 0 && (
        <TryHere key={name} training={training} name={name} trying={trying} />
      )}
      {name !== "" && (
        <ChartGrid charts={kind.charts} series={training.seriesIn(range)} view={view} />
      )}
      {training.samples.value.length > 0 && (
        <section class="block" aria-labelledby="samples-title">
          <h2 id="samples-title">Samples of step {training.samples.value[0][0].step}</h2>
          <div class="cards">
            {training.samples.value.map((set) => <SampleSetCard set={set} />)}
          </div>
        </section>
      )}
      {comparison !== null && <ComparedPrompts comparison={comparison} />}
      {pairs.length > 0 && <ComparedPairs pairs={pairs} />}
    </section>
  );
}
