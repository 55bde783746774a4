import { useSignal } from "@preact/signals";
import type { JSX } from "preact";
import { useEffect } from "preact/hooks";
import type { FleetState } from "../../lib/runs/kinds/fleet/fleet_state.ts";
import { Fact, ScrolledTable } from "../components/parts.tsx";
import { capitalized, formatCount } from "../shared/format.ts";
import { type LiveRun, liveRun } from "./live_run.ts";

/** Workers of a run while it is training, and what waits for them; empty for a run without. */
export function RunWorkers(
  { id, fleet }: { id: string; fleet: FleetState | null },
): JSX.Element | null {
  const live = useSignal<LiveRun | null>(null);
  useEffect(() => void (live.value = liveRun(id)), []);
  const overview = live.value?.overview.value;
  const now = overview ? overview.fleet : fleet;
  if (now === null) return null;
  const { workers } = now;
  const rate = workers.filter(({ state }) => state === "working")
    .reduce((sum, { tokensPerSecond }) => sum + tokensPerSecond, 0);
  return (
    <section class="block workers" aria-label="Workers">
      <h2>Workers</h2>
      <dl class="facts">
        <Fact name="Now">
          <span class="number">{whole(rate)}</span> <span class="muted">tokens/s</span>
        </Fact>
        <Fact name="Prompts">
          {whole(now.waiting)} <span class="muted">waiting,</span> {whole(now.working)}{" "}
          <span class="muted">in work</span>
        </Fact>
        <Fact name="Ready for later steps">{formatCount(now.ready, "response")}</Fact>
        <Fact name="Staleness">{formatCount(now.staleness, "step")}</Fact>
        <Fact name="Policy">
          {now.policy === "" ? "none yet" : <code>{now.policy}</code>}
          {now.step > 0 && <span class="muted">, in step {now.step}</span>}
        </Fact>
        <Fact name="Server">{now.address}</Fact>
      </dl>
      {workers.length === 0
        ? <p class="notice">No worker is there: the run waits for one.</p>
        : <WorkerTable workers={workers} />}
    </section>
  );
}

function WorkerTable({ workers }: Pick<FleetState, "workers">): JSX.Element {
  return (
    <ScrolledTable label="Each worker" class="wide stacks">
      <thead>
        <tr>
          <th scope="col">Worker</th>
          <th scope="col">State</th>
          <th scope="col" class="number">Tokens/s</th>
          <th scope="col" class="number">Idle</th>
          <th scope="col" class="number">Responses</th>
          <th scope="col">Device</th>
        </tr>
      </thead>
      <tbody>
        {workers.map(({ name, state, device, rollouts, tokensPerSecond, idle }) => (
          <tr key={name}>
            <th scope="row">{name}</th>
            <td data-label="State">{capitalized(state)}</td>
            <td data-label="Tokens/s" class="number">
              {whole(tokensPerSecond)}
            </td>
            <td data-label="Idle" class="number">{Math.round(idle * 100)} %</td>
            <td data-label="Responses" class="number">{whole(rollouts)}</td>
            <td data-label="Device" class="model">{device}</td>
          </tr>
        ))}
      </tbody>
    </ScrolledTable>
  );
}

/** A count, or a rate without decimals. */
function whole(value: number): string {
  return Math.round(value).toLocaleString("en");
}
