import { useSignal } from "@preact/signals";
import type { JSX } from "preact";
import { save as saveAs } from "../chart_download.ts";
import { Failure } from "./failure.tsx";
import type { ShownRun } from "./run_state.ts";
import type { TabTraining } from "./tab_training.ts";

/** Names of what runs train, on buttons. */
const TRAINED = { adapter: "the adapter (PEFT)", model: "the model" } as const;

/** Buttons that save what a run made. */
export function Downloads(
  { training, run: { name, trained } }: { training: TabTraining; run: ShownRun },
): JSX.Element {
  const failure = useSignal<string | null>(null);
  const save = async (part: "" | "/adapter" | "/model") => {
    failure.value = null;
    try {
      saveAs(await training.zip(name, part), `${name}${part.replace("/", "-")}.zip`);
    } catch (error) {
      failure.value = (error as Error).message;
    }
  };
  return (
    <>
      <p class="actions">
        {trained !== null && (
          <button
            type="button"
            class="primary"
            onClick={() => save(`/${trained}`)}
          >
            Download {TRAINED[trained]}
          </button>
        )}
        <button type="button" onClick={() => save("")}>Download the run</button>
        <span class="muted">
          Unpacked into <code>runs</code>, <code>temper runs list</code> and <code>temper ui</code>
          {" "}
          show the run.
        </span>
      </p>
      {failure.value !== null && <Failure message={failure.value} />}
    </>
  );
}
