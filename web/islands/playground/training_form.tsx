import type { Signal } from "@preact/signals";
import type { ComponentChildren, JSX } from "preact";
import {
  type Choices,
  DEMO_HELP,
  DEMOS,
  demosOf,
  misfitOf,
  type PlaygroundKind,
  READY_REWARDS,
  withKind,
  withModel,
} from "./choices.ts";
import { DeviceField, TextField } from "./fields.tsx";
import { FileField } from "./file_field.tsx";

/** Form for what is trained, on what, and how. */
export function TrainingForm(
  { kinds, choices, busy, submit, children }: {
    kinds: readonly PlaygroundKind[];
    choices: Signal<Choices>;
    /** True while a run is under way. */
    busy: boolean;
    submit: () => void;
    /** Further fields beside the button. */
    children?: ComponentChildren;
  },
): JSX.Element {
  const now = choices.value;
  const kind = kinds.find(({ kind }) => kind === now.kind)!;
  const misfit = misfitOf(now, kind);
  const change = (change: Partial<Choices>) => choices.value = { ...choices.value, ...change };
  const text = (
    name: "steps" | "learningRate" | "seed" | "textColumn",
    label: string,
    mode?: "numeric" | "decimal",
  ) => (
    <TextField
      label={label}
      value={now[name]}
      disabled={busy}
      onText={(text) => change({ [name]: text })}
      more={{ inputMode: mode, placeholder: "default" }}
    />
  );
  return (
    <form
      class="card playground-form"
      aria-label="What to train"
      onSubmit={(event) => {
        event.preventDefault();
        submit();
      }}
    >
      <div class="fields">
        <label>
          Model
          <select
            value={now.model}
            disabled={busy}
            onChange={(event) => {
              const model = event.currentTarget.value as Choices["model"];
              choices.value = withModel(choices.value, model, kinds);
            }}
          >
            {demosOf(kind).map((name) => <option value={name}>{DEMOS[name]}</option>)}
            <option value="own">My own model</option>
          </select>
        </label>
        <label>
          Data
          <select
            value={now.data}
            disabled={busy}
            onChange={(event) => change({ data: event.currentTarget.value as Choices["data"] })}
          >
            <option value="demo">The demo's</option>
            <option value="own">My own file</option>
          </select>
        </label>
        <label>
          Algorithm
          <select
            value={now.kind}
            disabled={busy}
            aria-describedby="algorithm-help"
            onChange={({ currentTarget: { value } }) => {
              choices.value = withKind(choices.value, kinds.find(({ kind }) => kind === value)!);
            }}
          >
            {kinds.map(({ kind, title }) => <option value={kind}>{title}</option>)}
          </select>
        </label>
        {kind.hasRewards && (
          <label>
            Reward
            <select
              value={now.reward}
              disabled={busy}
              onChange={(event) => change({ reward: event.currentTarget.value })}
            >
              <option value="">The default for this model</option>
              {Object.entries(READY_REWARDS).map(([name, title]) => (
                <option value={name}>{title}</option>
              ))}
              <option value="classifier">My own classifier</option>
              <option value="script">My own JavaScript</option>
            </select>
          </label>
        )}
      </div>
      <p id="algorithm-help" class="muted">
        {kind.help} {now.model !== "own" && DEMO_HELP[now.model]}
      </p>
      {misfit !== null && <p class="notice">{misfit}</p>}
      {now.model === "own" && (
        <FileField
          label="Folder of the model"
          hint="Pick it, or drop it here: config.json, model.safetensors, tokenizer.json. It is read where it is, and sent nowhere."
          folder
          picked={now.ownModel}
          disabled={busy}
          onPick={(ownModel) => change({ ownModel })}
        />
      )}
      {now.data === "own" && (
        <div class="fields">
          <FileField
            label="Dataset"
            hint="Pick it, or drop it here: CSV, JSON, JSON lines or Parquet."
            accept=".csv,.json,.jsonl,.parquet"
            picked={now.ownData}
            disabled={busy}
            onPick={(ownData) => change({ ownData })}
          />
          {kind.hasTextColumn && text("textColumn", "Column of the text")}
        </div>
      )}
      {kind.hasRewards && now.reward === "classifier" && (
        <FileField
          label="Folder of the classifier"
          hint="Pick it, or drop it here: RoBERTa, BERT, DistilBERT, or a decoder-only reward model."
          folder
          picked={now.ownClassifier}
          disabled={busy}
          onPick={(ownClassifier) => change({ ownClassifier })}
        />
      )}
      {kind.hasRewards && now.reward === "script" && (
        <>
          <label for="reward-script">Reward in JavaScript</label>
          <textarea
            id="reward-script"
            class="code"
            rows={6}
            spellcheck={false}
            value={now.script}
            disabled={busy}
            aria-describedby="reward-script-help"
            onInput={(event) => change({ script: event.currentTarget.value })}
          />
          <p id="reward-script-help" class="muted">
            It runs in a worker of its own, without the network. The same file is a reward of the
            command line: <code>temper train --reward ./mine.js</code>
          </p>
        </>
      )}
      <div class="fields">
        {text("steps", "Steps", "numeric")}
        {text("learningRate", "Learning rate", "decimal")}
        {text("seed", "Seed", "numeric")}
        <DeviceField
          value={now.device}
          disabled={busy}
          onChoice={(device) => change({ device })}
        />
      </div>
      <details>
        <summary>Further settings</summary>
        <label for="further">
          JSON, with the names of a run's config.json
        </label>
        <textarea
          id="further"
          class="code"
          rows={4}
          spellcheck={false}
          placeholder='{"batchSize": 8, "loraR": 16}'
          value={now.further}
          disabled={busy}
          onInput={(event) => change({ further: event.currentTarget.value })}
        />
      </details>
      <p class="actions">
        <button type="submit" class="primary" disabled={busy}>Train</button>
        {children}
      </p>
    </form>
  );
}
