import { effect, useSignal } from "@preact/signals";
import type { JSX } from "preact";
import { useEffect, useLayoutEffect, useMemo } from "preact/hooks";
import { BrowserFactsLine } from "./browser_facts.tsx";
import { FIRST_CHOICES, type PlaygroundKind } from "./choices.ts";
import { keepChoices, keptChoices } from "./kept_choices.ts";
import { KeptRuns } from "./kept_runs.tsx";
import { useRefusedDrops } from "./refused_drops.ts";
import { ShownRunSection } from "./shown_run.tsx";
import { TabTraining } from "./tab_training.ts";
import { TrainingForm } from "./training_form.tsx";

/** Page that trains in the browser: the form, the run, and the runs that are kept. */
export function Playground({ kinds }: { kinds: readonly PlaygroundKind[] }): JSX.Element {
  const training = useMemo(() => new TabTraining(kinds), []);
  const choices = useSignal(FIRST_CHOICES);
  const pauses = useSignal(false);
  // Before start.js does again what was chosen meanwhile.
  useLayoutEffect(() => {
    choices.value = { ...choices.value, ...keptChoices(kinds) };
    return effect(() => keepChoices(choices.value));
  }, []);
  useRefusedDrops();
  // After the first paint: the module is large.
  useEffect(() => {
    requestAnimationFrame(() => setTimeout(() => training.open(), 0));
  }, []);
  const resume = (name: string) => training.resume(name, choices.value, pauses.value);
  const busy = training.isBusy;
  const isFleeting = busy && training.facts.value?.storage === false;
  useEffect(() => {
    // The browser asks before it leaves a run that nothing keeps.
    const ask = (event: BeforeUnloadEvent) => event.preventDefault();
    if (isFleeting) addEventListener("beforeunload", ask);
    return () => removeEventListener("beforeunload", ask);
  }, [isFleeting]);
  return (
    <>
      <BrowserFactsLine facts={training.facts.value} obstacle={training.obstacle.value} />
      <TrainingForm
        kinds={kinds}
        choices={choices}
        busy={busy || training.obstacle.value !== null}
        submit={() => training.train(choices.value, pauses.value)}
      >
        <label>
          <input
            type="checkbox"
            checked={pauses.value}
            disabled={busy}
            onChange={(event) => pauses.value = event.currentTarget.checked}
          />
          Pause while this page is hidden
        </label>
      </TrainingForm>
      <ShownRunSection training={training} resume={resume} />
      <KeptRuns
        runs={training.kept.value}
        failure={training.keptFailure.value}
        busy={busy}
        show={(run) => training.show(run)}
        resume={({ name }) => resume(name)}
        remove={({ name }) => training.remove(name)}
      />
    </>
  );
}
