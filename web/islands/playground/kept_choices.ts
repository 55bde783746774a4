import { type Choices, FIRST_CHOICES, type PlaygroundKind } from "./choices.ts";

/** Name under which the tab keeps what was chosen. */
const NAME = "temper-choices";

/** Keeps what was chosen and typed until the tab is closed; picked files cannot be kept. */
export function keepChoices(choices: Choices): void {
  try {
    sessionStorage.setItem(NAME, JSON.stringify(choices));
  } catch {
    // A browser that keeps nothing begins anew.
  }
}

/** Kept choices that are still valid. */
export function keptChoices(kinds: readonly PlaygroundKind[]): Partial<Choices> {
  let kept: unknown;
  try {
    kept = JSON.parse(sessionStorage.getItem(NAME) ?? "{}");
  } catch {
    return {};
  }
  const { kind } = Object(kept);
  if (!kinds.some((known) => known.kind === kind)) return {};
  const texts = Object.entries(FIRST_CHOICES).filter(([name, first]) =>
    typeof first === "string" && typeof Object(kept)[name] === "string"
  );
  return Object.fromEntries(texts.map(([name]) => [name, Object(kept)[name]]));
}
