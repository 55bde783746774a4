import type { JSX } from "preact";
import type { DiffPart } from "../shared/word_diff.ts";

/** A text with the words marked that the other text lacks. */
export function MarkedText(
  { parts, as }: { parts: readonly DiffPart[]; as: "ins" | "del" },
): JSX.Element {
  return <>{parts.map((part) => <Marked part={part} as={as} />)}</>;
}

function Marked({ part, as: Tag }: { part: DiffPart; as: "ins" | "del" }): JSX.Element {
  if (!part.changed) return <>{part.text}</>;
  const words = part.text.trimEnd();
  return (
    <>
      <Tag>{words}</Tag>
      {part.text.slice(words.length)}
    </>
  );
}
