import { useSignal } from "@preact/signals";
import type { JSX } from "preact";
import { useMemo } from "preact/hooks";
import { Fact, StateBadge } from "../../components/parts.tsx";
import { Failure } from "./failure.tsx";
import { DeviceField, TextField } from "./fields.tsx";
import { FileField } from "./file_field.tsx";
import { useRefusedDrops } from "./refused_drops.ts";
import { TabWorking } from "./tab_working.ts";
import { FIRST_WORK, isOver, type ShownWork, type WorkChoices, workStatus } from "./work_state.ts";

/** Page on which this tab works for a run on another machine: the form, and what the tab does. */
export function WorkHere(_props: object): JSX.Element {
  const working = useMemo(() => new TabWorking(), []);
  const choices = useSignal(FIRST_WORK);
  useRefusedDrops();
  const shown = working.shown.value;
  const busy = shown !== null && !isOver(shown);
  const now = choices.value;
  const change = (change: Partial<WorkChoices>) => choices.value = { ...choices.value, ...change };
  const field = (
    name: "address" | "user" | "password" | "run",
    label: string,
    more: JSX.IntrinsicElements["input"] = {},
  ) => (
    <TextField
      label={label}
      value={now[name]}
      disabled={busy}
      onText={(text) => change({ [name]: text })}
      more={{ autocomplete: "off", spellcheck: false, ...more }}
    />
  );
  return (
    <>
      <form
        class="card playground-form"
        aria-label="Server to work at"
        onSubmit={(event) => {
          event.preventDefault();
          working.start(choices.value);
        }}
      >
        <div class="fields">
          {field("address", "Address of the NATS server", {
            placeholder: "ws://localhost:8080",
            required: true,
            inputMode: "url",
          })}
          {field("user", "User, or a token")}
          {field("password", "Password", { type: "password" })}
          {field("run", "Run", { placeholder: "any" })}
          <DeviceField
            value={now.device}
            disabled={busy}
            onChoice={(device) => change({ device })}
          />
        </div>
        <details>
          <summary>Files of my own</summary>
          <FileField
            label="Folder of the model"
            hint="Needed unless the run trains the demo's model: pick a copy of the trainer's, or drop it here."
            folder
            picked={now.ownModel}
            disabled={busy}
            onPick={(ownModel) => change({ ownModel })}
          />
          <FileField
            label="Folder of the classifier"
            hint="A copy of the trainer's, to score here. Without one, the trainer scores."
            folder
            picked={now.ownClassifier}
            disabled={busy}
            onPick={(ownClassifier) => change({ ownClassifier })}
          />
        </details>
        <p class="actions">
          <button type="submit" class="primary" disabled={busy}>Work</button>
          {busy && (
            <button
              type="button"
              disabled={shown.phase === "stopping"}
              onClick={() => working.stop()}
            >
              Stop
            </button>
          )}
        </p>
      </form>
      {shown !== null && <ShownWorkSection shown={shown} notes={working.notes.value} />}
    </>
  );
}

/** Work of this tab: what it does now, and what it has done. */
function ShownWorkSection(
  { shown, notes }: { shown: ShownWork; notes: readonly string[] },
): JSX.Element {
  const { phase, run, kind, step, rollouts, tokens, seconds, device, failure } = shown;
  const state = phase === "failed" ? "failed" : phase === "stopped" ? "stopped" : "running";
  const facts: [name: string, value: string | number][] = run === null ? [] : [
    ["Run", `${run} (${kind})`],
    ["Step", step ?? "–"],
    ["Responses", rollouts],
    ["Tokens per second", tokens === 0 ? "–" : (tokens / Math.max(seconds, 1e-9)).toFixed(0)],
    ["Device", device],
  ];
  return (
    <section class="block playground-run" aria-labelledby="work-title">
      <div class="run-title">
        <h2 id="work-title">Work of this tab</h2>
        <StateBadge state={state} />
        <span role="status" class="muted">{workStatus(shown)}</span>
      </div>
      {failure !== null && <Failure message={failure} />}
      {facts.length > 0 && (
        <dl class="pairs card">
          {facts.map(([name, value]) => <Fact name={name}>{value}</Fact>)}
        </dl>
      )}
      {notes.length > 0 && (
        <details>
          <summary>Messages of the worker ({notes.length})</summary>
          <pre tabindex={0} aria-label="Messages of the worker">{notes.join("\n")}</pre>
        </details>
      )}
    </section>
  );
}
