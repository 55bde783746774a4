import { useSignal } from "@preact/signals";
import type { JSX } from "preact";
import type { KeptRun } from "../../../lib/browser/protocol.ts";
import { Failure } from "./failure.tsx";
import { StateBadge } from "../../components/parts.tsx";

/** Runs in the browser's storage. */
export function KeptRuns(
  { runs, failure, busy, show, resume, remove }: {
    runs: readonly KeptRun[];
    /** Reason why one could not be shown or removed. */
    failure: string | null;
    /** True while a run is under way in this tab. */
    busy: boolean;
    show: (run: KeptRun) => void;
    resume: (run: KeptRun) => void;
    remove: (run: KeptRun) => void;
  },
): JSX.Element | null {
  // Run that is removed for good by one more click.
  const asked = useSignal<string | null>(null);
  if (runs.length === 0) return null;
  return (
    <section class="block" aria-labelledby="kept-title">
      <h2 id="kept-title">Runs kept in this browser</h2>
      {failure !== null && <Failure message={failure} />}
      <ul class="kept">
        {runs.map((run) => {
          const isRunning = run.status === "running";
          const isAsked = asked.value === run.name;
          return (
            <li class="card" key={run.name}>
              <strong>{run.name}</strong> <StateBadge state={run.status} />{" "}
              <span class="muted number">
                {run.step}
                {run.steps !== null && ` / ${run.steps}`} steps
                {isRunning && !busy && ", in another tab"}
              </span>
              <span class="actions">
                <button
                  type="button"
                  aria-label={`Show ${run.name}`}
                  disabled={busy || isRunning}
                  onClick={() => show(run)}
                >
                  Show
                </button>
                {(run.status === "stopped" || run.status === "failed") && (
                  <button
                    type="button"
                    aria-label={`Resume ${run.name}`}
                    disabled={busy}
                    onClick={() => resume(run)}
                  >
                    Resume
                  </button>
                )}
                <button
                  type="button"
                  aria-label={`Remove${isAsked ? " for good:" : ""} ${run.name}`}
                  class={isAsked ? "danger" : undefined}
                  disabled={busy || isRunning}
                  onBlur={() => asked.value = null}
                  onClick={() => {
                    asked.value = isAsked ? null : run.name;
                    if (isAsked) remove(run);
                  }}
                >
                  {isAsked ? "Remove for good" : "Remove"}
                </button>
              </span>
            </li>
          );
        })}
      </ul>
    </section>
  );
}
