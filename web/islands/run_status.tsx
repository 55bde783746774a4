import { useEffect } from "preact/hooks";
import { useSignal } from "@preact/signals";
import type { JSX } from "preact";
import { ChangeValue, Fact, KindName, StateBadge, StepProgress } from "../components/parts.tsx";
import { capitalized, formatCount, formatNumber, heading, lastName } from "../shared/format.ts";
import type { RunOverview } from "../shared/overview.ts";
import { type LiveRun, liveRun } from "./live_run.ts";

/** Head of a run's pages: its name and its state right now. */
export function RunStatus({ run }: { run: RunOverview }): JSX.Element {
  const live = useSignal<LiveRun | null>(null);
  useEffect(() => void (live.value = liveRun(run.id)), []);
  const now = live.value?.overview.value ?? run;
  const lost = live.value?.connection.value === "lost";
  const [change] = now.changes;
  return (
    <section class="run-head" aria-label="Status">
      <div class="run-title">
        <h1>{now.name}</h1>
        <StateBadge state={now.state} />
        <span class="muted">
          <KindName run={now} />
        </span>
        <span class="connection" role="status">
          {lost && "Connection lost; trying again. Is the server running?"}
        </span>
      </div>
      {now.kindTitle === null && (
        <p class="notice">
          This version of Temper does not know runs of kind “{now.kind}”: it shows their files and
          settings, but no charts.
        </p>
      )}
      {now.failure !== null && (
        <p class="failure" role="alert">
          <strong>Failed after {formatCount(now.step, "step")}:</strong> {now.failure}
        </p>
      )}
      {now.advice !== null && (
        <p class="notice">
          <Spelled text={capitalized(now.advice)} />.
        </p>
      )}
      <dl class="facts">
        <Fact name="Steps">
          <StepProgress run={now} />
        </Fact>
        {now.headline.filter(({ value }) => value !== null || now.step === 0).map((
          { label, unit, value },
        ) => (
          <Fact name={`${capitalized(label)}, last step`}>
            <span class="number">{formatNumber(value)}</span>{" "}
            {unit !== "" && <span class="muted">{unit}</span>}
          </Fact>
        ))}
        {change && (
          <Fact name={heading(change.label)}>
            <ChangeValue change={change} />
          </Fact>
        )}
        <Fact name="Model">
          <span title={now.model}>{lastName(now.model)}</span>
        </Fact>
        <Fact name="Device">{now.device}</Fact>
      </dl>
    </section>
  );
}

/** A text whose settings stand in backticks. */
function Spelled({ text }: { text: string }): JSX.Element {
  return <>{text.split("`").map((part, i) => i % 2 === 0 ? part : <code>{part}</code>)}</>;
}
