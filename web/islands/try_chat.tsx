import { useSignal } from "@preact/signals";
import type { JSX } from "preact";
import type { Answers } from "../../lib/runs/commands/side_by_side.ts";
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

/** Maximum number of characters of a conversation: within the limit of the server. */
const LONGEST_CHAT = 20_000;

/** A message, and the answers to it once they are there. */
interface Turn {
  readonly text: string;
  readonly answers: Answers | null;
}

/** Conversation with a run's model, with and without the adapter. */
export function TryChat(
  { id, adapters }: {
    id: string;
    /** Saved adapters of the run, the latest first; at least one. */
    adapters: string[];
  },
): JSX.Element {
  const turns = useSignal<readonly Turn[]>([]);
  const text = useSignal("");
  const system = useSignal("");
  const adapter = useSignal(adapters[0]);
  const temperature = useSignal("0");
  const state = useSignal<TryEvent | null>(null);
  const busy = state.value?.type === "waiting" || state.value?.type === "running";
  // Answers of another adapter, or under another system prompt, would be taken for these ones'.
  const startAnew = () => {
    turns.value = [];
    state.value = null;
  };
  const submit = async (event: SubmitEvent) => {
    event.preventDefault();
    const message = text.value.trim();
    if (busy || message === "") return;
    const before = turns.value;
    const chat = {
      system: system.value.trim(),
      turns: before.map(({ text, answers }) => ({
        text,
        base: answers!.base.response,
        adapter: answers!.adapter.response,
      })),
    };
    if (JSON.stringify(chat).length > LONGEST_CHAT) {
      state.value = { type: "failed", reason: "The conversation is too long: start a new one." };
      return;
    }
    turns.value = [...before, { text: message, answers: null }];
    text.value = "";
    state.value = { type: "waiting", ahead: 0 };
    const fail = (reason: string) => {
      turns.value = before;
      text.value = message;
      state.value = { type: "failed", reason };
    };
    const request = {
      text: message,
      adapter: adapter.value,
      temperature: Number(temperature.value) || 0,
      chat,
    };
    try {
      for await (const news of ask(id, request)) {
        if (news.type === "failed") return fail(news.reason);
        if (news.type === "answered") {
          turns.value = [...before, { text: message, answers: news.answers }];
        }
        state.value = news;
      }
    } catch {
      fail("Connection lost. Try again.");
    }
  };
  return (
    <form class="try" onSubmit={submit}>
      <ol class="chat" aria-live="polite">
        {turns.value.map(({ text, answers }) => (
          <li>
            <p class="said">{text}</p>
            {answers && (
              <div class="cards">
                <AnswerCard title="Before training" answer={answers.base} />
                <AnswerCard title={adapterTitle(adapter.value)} answer={answers.adapter} />
              </div>
            )}
          </li>
        ))}
      </ol>
      {state.value?.type === "failed" && <p class="worse" role="alert">{state.value.reason}</p>}
      <label class="wide-label" for="message">Message</label>
      <textarea
        id="message"
        rows={2}
        maxLength={LONGEST_TEXT}
        value={text.value}
        aria-describedby="message-keys"
        onInput={(event) => text.value = event.currentTarget.value}
        onKeyDown={(event) => {
          if (event.key !== "Enter" || event.shiftKey || event.isComposing) return;
          event.preventDefault();
          event.currentTarget.form!.requestSubmit();
        }}
      />
      <p class="actions">
        <button type="submit" class="primary" disabled={busy}>Send</button>
        <button type="button" disabled={busy || turns.value.length === 0} onClick={startAnew}>
          New conversation
        </button>
        <AdapterChoice
          adapters={adapters}
          value={adapter.value}
          disabled={busy}
          onChange={(value) => {
            adapter.value = value;
            startAnew();
          }}
        />
        <TemperatureInput
          value={temperature.value}
          onChange={(value) => temperature.value = value}
        />
        <span id="message-keys" class="muted hint">Enter sends, Shift+Enter breaks the line.</span>
        <span role="status" class="muted">{describe(state.value)}</span>
      </p>
      <details class="system">
        <summary>System prompt</summary>
        <label class="wide-label" for="system">
          Instructions before the conversation; a change starts a new one
        </label>
        <textarea
          id="system"
          rows={2}
          maxLength={LONGEST_TEXT}
          value={system.value}
          disabled={busy}
          onInput={(event) => {
            system.value = event.currentTarget.value;
            startAnew();
          }}
        />
      </details>
    </form>
  );
}
