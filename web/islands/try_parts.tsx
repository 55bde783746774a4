import type { JSX } from "preact";
import type { Answer, Question } from "../../lib/runs/commands/side_by_side.ts";
import { formatCount, formatFixed } from "../shared/format.ts";
import type { TryEvent } from "../shared/try_events.ts";

/** Maximum number of characters of a text: in any alphabet within the limit of the server. */
export const LONGEST_TEXT = 15_000;

/** Says what happens to a request, for people. */
export function describe(state: TryEvent | null): string {
  if (state?.type === "running") {
    return "Generating. The first response takes longer: the model is being loaded.";
  }
  if (state?.type !== "waiting") return "";
  return state.ahead > 0 ? `Waiting for ${formatCount(state.ahead, "request")}` : "Sending";
}

/** Sends a request to the server, which reports its progress line by line. */
export async function* ask(
  id: string,
  request: Question & { adapter: string },
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

/** Title of the answers with an adapter. */
export function adapterTitle(adapter: string): string {
  return adapter === "adapter" ? "With the adapter" : `With ${adapter}`;
}

/** Choice among the adapters of a run; nothing where there is one. */
export function AdapterChoice(
  { adapters, value, disabled = false, onChange }: {
    adapters: readonly string[];
    value: string;
    disabled?: boolean;
    onChange: (value: string) => void;
  },
): JSX.Element | null {
  if (adapters.length < 2) return null;
  return (
    <label>
      Adapter
      <select
        value={value}
        disabled={disabled}
        onChange={(event) => onChange(event.currentTarget.value)}
      >
        {adapters.map((name) => <option value={name}>{name}</option>)}
      </select>
    </label>
  );
}

/** Temperature of the answers. */
export function TemperatureInput(
  { value, onChange }: { value: string; onChange: (value: string) => void },
): JSX.Element {
  return (
    <label>
      Temperature
      <input
        type="number"
        min="0"
        max="2"
        step="0.1"
        value={value}
        title="0 takes the likeliest token each time"
        onInput={(event) => onChange(event.currentTarget.value)}
      />
    </label>
  );
}

/** An answer with its rewards. */
export function AnswerCard({ title, answer }: { title: string; answer: Answer }): JSX.Element {
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
