import type { JSX } from "preact";
import { sentenceOf } from "./sentence.ts";

/** Message of an error. */
export function Failure({ message }: { message: string }): JSX.Element {
  return <p class="failure" role="alert">{sentenceOf(message)}</p>;
}
