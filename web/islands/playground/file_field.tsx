import { useSignal } from "@preact/signals";
import type { JSX } from "preact";
import { useId, useRef } from "preact/hooks";
import { formatCount } from "../../shared/format.ts";
import { type Picked, pickedFrom, pickedIn } from "./picked_files.ts";

/** Field for a folder, or for a file, that is picked or dropped. */
export function FileField(
  { label, hint, folder = false, accept, picked, disabled, onPick }: {
    label: string;
    /** Sentence on what is expected. */
    hint: string;
    folder?: boolean;
    /** Ends of file names. */
    accept?: string;
    picked: Picked | null;
    disabled: boolean;
    onPick: (picked: Picked) => void;
  },
): JSX.Element {
  const id = useId();
  const input = useRef<HTMLInputElement>(null);
  const isOver = useSignal(false);
  const take = (found: Picked | null) => {
    if (found !== null && !disabled) onPick(found);
  };
  return (
    <div
      class={isOver.value ? "drop over" : "drop"}
      onDragOver={(event) => {
        event.preventDefault();
        isOver.value = true;
      }}
      onDragLeave={() => isOver.value = false}
      onDrop={(event) => {
        event.preventDefault();
        isOver.value = false;
        if (event.dataTransfer) pickedFrom(event.dataTransfer).then(take);
      }}
    >
      <label for={id}>{label}</label>
      <input
        ref={input}
        id={id}
        type="file"
        accept={accept}
        disabled={disabled}
        aria-describedby={`${id}-hint`}
        {...(folder ? { webkitdirectory: true } : {})}
        onChange={(event) => take(pickedIn(event.currentTarget.files!))}
      />
      <p id={`${id}-hint`} class={picked === null ? "muted" : undefined}>
        {picked === null
          ? hint
          : `${picked.name}: ${formatCount(picked.files.length, "file")} ready`}
      </p>
    </div>
  );
}
