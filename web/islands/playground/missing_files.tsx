import { useSignal } from "@preact/signals";
import type { JSX } from "preact";
import { Failure } from "./failure.tsx";
import { FileField } from "./file_field.tsx";
import type { OwnFiles } from "./own_files.ts";
import type { TabTraining } from "./tab_training.ts";

/** Labels of the fields, by what the files are. */
const LABELS = {
  models: "Folder of the model",
  data: "Dataset",
  classifiers: "Folder of the classifier",
} as const;

/** Fields for the files of a run that this page no longer has. */
export function MissingFiles(
  { training, missing, purpose }: {
    training: TabTraining;
    missing: readonly OwnFiles[];
    /** End of a sentence: what they are needed for. */
    purpose: string;
  },
): JSX.Element {
  const failure = useSignal<string | null>(null);
  const give = async (files: OwnFiles, picked: Parameters<TabTraining["giveBack"]>[1]) => {
    failure.value = null;
    try {
      await training.giveBack(files, picked);
    } catch (error) {
      failure.value = (error as Error).message;
    }
  };
  return (
    <div class="card">
      <p>
        Pick the run's own files again {purpose}; a page forgets them when it is reloaded.
      </p>
      {missing.map((files) => (
        <FileField
          key={files.path}
          label={`${LABELS[files.kind]}: ${files.name}`}
          hint="Pick it, or drop it here."
          folder={files.kind !== "data"}
          picked={null}
          disabled={false}
          onPick={(picked) => give(files, picked)}
        />
      ))}
      {failure.value !== null && <Failure message={failure.value} />}
    </div>
  );
}
