import { useEffect } from "preact/hooks";
import { useSignal } from "@preact/signals";
import type { ComponentChildren, JSX } from "preact";
import { StateBadge, StepProgress, ToxicityChange } from "../components/parts.tsx";
import { formatCount, formatNumber, lastName } from "../shared/format.ts";
import type { RunOverview } from "../shared/overview.ts";
import { type LiveRun, liveRun } from "./live_run.ts";

/** The head of a run's pages: its name, and what it is doing right now. */
export function RunStatus({ run }: { run: RunOverview }): JSX.Element {
  const live = useSignal<LiveRun | null>(null);
  useEffect(() => void (live.value = liveRun(run.id)), []);
  const now = live.value?.overview.value ?? run;
  const lost = live.value?.connection.value === "lost";
  return (
    <section class="run-head" aria-label="Status">
      <div class="run-title">
        <h1>{now.name}</h1>
        <StateBadge state={now.state} />
        <span class="connection" role="status">
          {lost && "Connection lost; trying again. Is the server running?"}
        </span>
      </div>
      {now.failure !== null && (
        <p class="failure" role="alert">
          <strong>It failed after {formatCount(now.step, "step")}:</strong> {now.failure}
        </p>
      )}
      <dl class="facts">
        <Fact name="Steps">
          <StepProgress run={now} />
        </Fact>
        {now.kind === "sft"
          ? (
            <Fact name="Loss, last step">
              <span class="number">{formatNumber(now.loss)}</span>{" "}
              <span class="muted">nats/token</span>
            </Fact>
          )
          : (
            <>
              <Fact name="Reward, last step">
                <span class="number">{formatNumber(now.reward)}</span>
              </Fact>
              <Fact name="KL, last step">
                <span class="number">{formatNumber(now.kl)}</span> <span class="muted">nats</span>
              </Fact>
              <Fact name="Toxicity">
                <ToxicityChange run={now} />
              </Fact>
            </>
          )}
        <Fact name="Model">
          <span title={now.model}>{lastName(now.model)}</span>
        </Fact>
        <Fact name="Device">{now.device}</Fact>
      </dl>
    </section>
  );
}

function Fact({ name, children }: { name: string; children: ComponentChildren }): JSX.Element {
  return (
    <div>
      <dt>{name}</dt>
      <dd>{children}</dd>
    </div>
  );
}
