import { useSignal } from "@preact/signals";
import type { JSX } from "preact";
import type { Answers } from "../../../lib/runs/commands/side_by_side.ts";
import { AnswerCard, LONGEST_TEXT, TemperatureInput } from "../try_parts.tsx";
import { Failure } from "./failure.tsx";
import type { Trying } from "./run_state.ts";
import type { TabTraining } from "./tab_training.ts";

/** Form for a text, and the responses of the run's model before and after training. */
export function TryHere(
  { training, name, trying: { chats, example } }: {
    training: TabTraining;
    /** Name of the run. */
    name: string;
    trying: Trying;
  },
): JSX.Element {
  const text = useSignal(example);
  const temperature = useSignal("0");
  const isBusy = useSignal(false);
  const answers = useSignal<Answers | null>(null);
  const failure = useSignal<string | null>(null);
  const ask = async (event: SubmitEvent) => {
    event.preventDefault();
    if (isBusy.value || text.value.trim() === "") return;
    isBusy.value = true;
    answers.value = null;
    failure.value = null;
    try {
      answers.value = await training.answer(name, {
        text: text.value,
        temperature: Number(temperature.value) || 0,
        chat: chats ? { system: "", turns: [] } : null,
      });
    } catch (error) {
      failure.value = (error as Error).message;
    }
    isBusy.value = false;
  };
  return (
    <form class="try block" aria-label="Try it" onSubmit={ask}>
      <h2>Try it, before and after</h2>
      <label class="wide-label" for="try-text">{chats ? "Message" : "Text"}</label>
      <textarea
        id="try-text"
        rows={chats ? 2 : 5}
        maxLength={LONGEST_TEXT}
        value={text.value}
        aria-describedby="try-keys"
        onInput={(event) => {
          text.value = event.currentTarget.value;
          answers.value = null;
        }}
        onKeyDown={(event) => {
          if (event.key !== "Enter" || !(event.ctrlKey || event.metaKey)) return;
          event.preventDefault();
          event.currentTarget.form!.requestSubmit();
        }}
      />
      <p class="actions">
        <button type="submit" class="primary" disabled={isBusy.value}>Respond</button>
        <TemperatureInput
          value={temperature.value}
          onChange={(value) => temperature.value = value}
        />
        <span id="try-keys" class="muted hint">Ctrl+Enter responds.</span>
        <span role="status" class="muted">{isBusy.value ? "Generating" : ""}</span>
      </p>
      {failure.value !== null && <Failure message={failure.value} />}
      {answers.value !== null && (
        <div class="cards">
          <AnswerCard title="Before training" answer={answers.value.base} />
          <AnswerCard title="After training" answer={answers.value.adapter} />
        </div>
      )}
    </form>
  );
}
