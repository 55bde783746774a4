import { useSignal } from "@preact/signals";
import type { JSX } from "preact";
import { save as saveAs } from "../chart_download.ts";
import type { ShownRun, TabTraining } from "./tab_training.ts";

/** Buttons that save what a run made. */
export function Downloads(
  { training, run: { name, phase } }: { training: TabTraining; run: ShownRun },
): JSX.Element {
  const failure = useSignal<string | null>(null);
  const save = async (part: "" | "/adapter") => {
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
        {phase === "finished" && (
          <button
            type="button"
            class="primary"
            onClick={() => save("/adapter")}
          >
            Download the adapter (PEFT)
          </button>
        )}
        <button type="button" onClick={() => save("")}>Download the run</button>
        <span class="muted hint">
          Unpacked into <code>runs</code>, <code>temper runs</code> and <code>temper ui</code>{" "}
          show the run.
        </span>
      </p>
      {failure.value !== null && <p class="failure" role="alert">{failure.value}</p>}
    </>
  );
}
