import { useSignal } from "@preact/signals";
import type { JSX } from "preact";
import type { Answer } from "../../lib/runs/commands/side_by_side.ts";
import { formatCount, formatFixed } from "../shared/format.ts";
import type { TryEvent } from "../shared/try_events.ts";

/** Maximum number of characters of a dialogue: in any alphabet within the limit of the server. */
const LONGEST_TEXT = 15_000;

/** Form for a dialogue, and the responses of the model with and without the adapter. */
export function TryForm(
  { id, example, adapters }: {
    id: string;
    /** Dialogue to start with. */
    example: string;
    /** Saved adapters of the run, the latest first; at least one. */
    adapters: string[];
  },
): JSX.Element {
  const text = useSignal(example);
  const adapter = useSignal(adapters[0]);
  const asked = useSignal(adapters[0]);
  const temperature = useSignal("0");
  const state = useSignal<TryEvent | null>(null);
  const busy = state.value?.type === "waiting" || state.value?.type === "running";
  // An answer to another text or of another adapter would be taken for this one's.
  const forget = () => {
    if (!busy) state.value = null;
  };
  const submit = async (event: SubmitEvent) => {
    event.preventDefault();
    if (busy) return;
    state.value = { type: "waiting", ahead: 0 };
    asked.value = adapter.value;
    const request = {
      text: text.value,
      adapter: adapter.value,
      temperature: Number(temperature.value) || 0,
    };
    const isStill = () => text.value === request.text && adapter.value === request.adapter;
    try {
      for await (const news of ask(id, request)) {
        state.value = news.type === "answered" && !isStill() ? null : news;
      }
    } catch {
      state.value = { type: "failed", reason: "Connection lost. Try again." };
    }
  };
  return (
    <form class="try" onSubmit={submit}>
      <label class="wide-label" for="dialogue">Dialogue</label>
      <textarea
        id="dialogue"
        rows={8}
        maxLength={LONGEST_TEXT}
        value={text.value}
        aria-describedby="dialogue-keys"
        onInput={(event) => {
          text.value = event.currentTarget.value;
          forget();
        }}
        onKeyDown={(event) => {
          if (event.key !== "Enter" || !(event.ctrlKey || event.metaKey)) return;
          event.preventDefault();
          event.currentTarget.form!.requestSubmit();
        }}
      />
      <p class="actions">
        <button type="submit" class="primary" disabled={busy}>Summarize</button>
        {adapters.length > 1 && (
          <label>
            Adapter
            <select
              value={adapter.value}
              onChange={(event) => {
                adapter.value = event.currentTarget.value;
                forget();
              }}
            >
              {adapters.map((name) => <option value={name}>{name}</option>)}
            </select>
          </label>
        )}
        <label>
          Temperature
          <input
            type="number"
            min="0"
            max="2"
            step="0.1"
            value={temperature.value}
            title="0 takes the likeliest token each time"
            onInput={(event) => {
              temperature.value = event.currentTarget.value;
              forget();
            }}
          />
        </label>
        <span id="dialogue-keys" class="muted hint">Ctrl+Enter answers.</span>
        <span role="status" class="muted">{describe(state.value)}</span>
      </p>
      {state.value?.type === "failed" && <p class="worse" role="alert">{state.value.reason}</p>}
      {state.value?.type === "answered" && (
        <div class="cards">
          <AnswerCard title="Before training" answer={state.value.answers.base} />
          <AnswerCard
            title={asked.value === "adapter" ? "With the adapter" : `With ${asked.value}`}
            answer={state.value.answers.adapter}
          />
        </div>
      )}
    </form>
  );
}

function describe(state: TryEvent | null): string {
  if (state?.type === "running") {
    return "Generating. The first response takes longer: the model is being loaded.";
  }
  if (state?.type !== "waiting") return "";
  return state.ahead > 0 ? `Waiting for ${formatCount(state.ahead, "request")}` : "Sending";
}

/** Sends the request to the server, which reports its progress line by line. */
async function* ask(
  id: string,
  request: { text: string; adapter: string; temperature: number },
): AsyncGenerator<TryEvent> {
  const response = await fetch(`/api/runs/${encodeURIComponent(id)}/try`, {
    method: "POST",
    headers: { "content-type": "application/json" },
    body: JSON.stringify(request),
  });
  const reader = response.body!.pipeThrough(new TextDecoderStream()).getReader();
  let rest = "";
  for (let part = await reader.read(); !part.done; part = await reader.read()) {
    const lines = (rest + part.value).split("\n");
    rest = lines.pop()!;
    for (const line of lines) yield JSON.parse(line);
  }
  if (rest !== "") yield JSON.parse(rest);
}

function AnswerCard({ title, answer }: { title: string; answer: Answer }): JSX.Element {
  const parts = Object.entries(answer.rewards);
  return (
    <section class="card sample">
      <h2>{title}</h2>
      <p class="text">{answer.response || <span class="muted">(empty)</span>}</p>
      {(answer.reward !== null || answer.toxicity !== null) && (
        <dl class="measures">
          {answer.reward !== null && (
            <div>
              <dt>reward</dt>
              <dd class="number">{formatFixed(answer.reward, 3)}</dd>
            </div>
          )}
          {parts.length > 1 && parts.map(([name, value]) => (
            <div>
              <dt>{name}</dt>
              <dd class="number">{formatFixed(value, 3)}</dd>
            </div>
          ))}
          {answer.toxicity !== null && (
            <div>
              <dt>toxicity</dt>
              <dd class="number">{formatFixed(answer.toxicity, 4)}</dd>
            </div>
          )}
        </dl>
      )}
    </section>
  );
}
