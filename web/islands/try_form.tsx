import { useSignal } from "@preact/signals";
import type { JSX } from "preact";
import type { TryEvent } from "../shared/try_events.ts";
import {
  AdapterChoice,
  adapterTitle,
  AnswerCard,
  ask,
  describe,
  LONGEST_TEXT,
  TemperatureInput,
} from "./try_parts.tsx";

/** Form for a dialogue or a prompt, and the responses of the model with and without the adapter. */
export function TryForm(
  { id, example, adapters }: {
    id: string;
    /** Text to start with, and the kind of text that the run's prompts take. */
    example: { isDialogue: boolean; text: string };
    /** Saved adapters of the run, the latest first; at least one. */
    adapters: string[];
  },
): JSX.Element {
  const text = useSignal(example.text);
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
      chat: null,
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
      <label class="wide-label" for="dialogue">
        {example.isDialogue ? "Dialogue" : "Prompt"}
      </label>
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
        <button type="submit" class="primary" disabled={busy}>
          {example.isDialogue ? "Summarize" : "Respond"}
        </button>
        <AdapterChoice
          adapters={adapters}
          value={adapter.value}
          onChange={(value) => {
            adapter.value = value;
            forget();
          }}
        />
        <TemperatureInput
          value={temperature.value}
          onChange={(value) => {
            temperature.value = value;
            forget();
          }}
        />
        <span id="dialogue-keys" class="muted hint">Ctrl+Enter answers.</span>
        <span role="status" class="muted">{describe(state.value)}</span>
      </p>
      {state.value?.type === "failed" && <p class="worse" role="alert">{state.value.reason}</p>}
      {state.value?.type === "answered" && (
        <div class="cards">
          <AnswerCard title="Before training" answer={state.value.answers.base} />
          <AnswerCard
            title={adapterTitle(asked.value)}
            answer={state.value.answers.adapter}
          />
        </div>
      )}
    </form>
  );
}
