import { signal } from "@preact/signals";
import type { TemperWorker } from "../../../lib/browser/page.ts";
import type { Choices, PlaygroundKind } from "./choices.ts";
import { modelObstacle, pathOf, type Picked, type PickedKind } from "./picked_files.ts";

/** File or folder of the user's that a run's settings name. */
export interface OwnFiles {
  readonly kind: PickedKind;
  /** Path by which settings name it. */
  readonly path: string;
  /** Name, as in its path. */
  readonly name: string;
}

/** Files of the user's that settings name, each once. */
export function ownFilesOf(settings: Readonly<Record<string, unknown>>): OwnFiles[] {
  const found = new Map<string, OwnFiles>();
  for (const value of Object.values(settings).flat()) {
    const [path, kind, name] = /^\.\/(models|data|classifiers)\/([^/]+)/.exec(String(value)) ?? [];
    if (path !== undefined) found.set(path, { kind: kind as PickedKind, path, name });
  }
  return [...found.values()];
}

/** Files of the user's that the worker has: they are gone when the page is loaded again. */
export class GivenFiles {
  readonly #paths = signal<ReadonlySet<string>>(new Set());

  /** Gives picked files to the worker. @throws {Error} when they should be a model, and are not */
  async give(worker: TemperWorker, kind: PickedKind, picked: Picked): Promise<void> {
    const obstacle = kind === "data" ? null : modelObstacle(picked);
    if (obstacle !== null) throw new Error(obstacle);
    const path = pathOf(kind, picked);
    const isFile = kind === "data" && picked.files.length === 1;
    await worker.put(path, isFile ? picked.files[0][1] : picked.files);
    this.#paths.value = new Set([...this.#paths.value, path]);
  }

  /** Counts the files that settings name as missing, since those that were given cannot be used. */
  forget(settings: Readonly<Record<string, unknown>>): void {
    const named = new Set(ownFilesOf(settings).map(({ path }) => path));
    this.#paths.value = this.#paths.value.difference(named);
  }

  /** Files that settings name and the worker does not have. */
  missingOf(settings: Readonly<Record<string, unknown>>): OwnFiles[] {
    return ownFilesOf(settings).filter(({ path }) => !this.#paths.value.has(path));
  }
}

/** Files of the user's that were chosen to train with. */
export function chosenFiles(
  { model, ownModel, data, ownData, reward, ownClassifier }: Choices,
  { hasRewards }: PlaygroundKind,
): [PickedKind, Picked][] {
  const parts: [boolean, PickedKind, Picked | null][] = [
    [model === "own", "models", ownModel],
    [data === "own", "data", ownData],
    [hasRewards && reward === "classifier", "classifiers", ownClassifier],
  ];
  return parts.flatMap(([isChosen, kind, picked]) =>
    isChosen && picked !== null ? [[kind, picked]] : []
  );
}

/** Files that were picked in the form as a part of a run. */
export function pickedAs(
  { ownModel, ownData, ownClassifier }: Choices,
  kind: PickedKind,
): Picked | null {
  return { models: ownModel, data: ownData, classifiers: ownClassifier }[kind];
}
