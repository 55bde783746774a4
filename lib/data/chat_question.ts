import type { ChatTemplate } from "./chat_template.ts";

/** Texts that no template has a reason to write by itself, nor to change. */
const [FIRST, ANSWER, LAST] = ["qfirstq", "qanswerq", "qlastq"];

/**
 * Takes the user's last message out of a prompt, as the person typed it.
 *
 * @param prompt text that the template made of a conversation; another one is taken as typed
 * @returns an empty text where the template hides which part is the message
 * @throws {UserError} when the template refuses a conversation or fails
 */
export function questionIn(template: Pick<ChatTemplate, "render">, prompt: string): string {
  const options = { addGenerationPrompt: true };
  const last = { role: "user", content: LAST };
  const alone = template.render([last], options).split(LAST);
  const later = template.render([
    { role: "user", content: FIRST },
    { role: "assistant", content: ANSWER },
    last,
  ], options).split(LAST);
  if (alone.length !== 2 || later.length !== 2) return "";
  // What comes before every message of a user, whatever the conversation begins with.
  const head = commonEnd(alone[0], later[0]).trimStart();
  const tail = alone[1].trim();
  const text = prompt.trimEnd();
  if (tail !== "" && !text.endsWith(tail)) return prompt;
  const begin = text.lastIndexOf(head);
  if (head === "" || begin < 0) return tail === "" ? prompt : "";
  return text.slice(begin + head.length, text.length - tail.length).trim();
}

/** The longest text that two texts end with. */
function commonEnd(a: string, b: string): string {
  let length = 0;
  while (length < Math.min(a.length, b.length) && a.at(-1 - length) === b.at(-1 - length)) length++;
  return a.slice(a.length - length);
}
