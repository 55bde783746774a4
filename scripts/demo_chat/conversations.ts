/** Conversations that the demo's chat model is trained on. */
import type { Random } from "../../lib/random.ts";
import { type Adder, drawAddition } from "./additions.ts";
import { NAME, NAME_TOPIC, NAMES, SUM_QUESTIONS, type Topic, TOPICS } from "./small_talk.ts";

/** Part of a conversation, in the words of the Hugging Face datasets. */
export interface Message {
  readonly role: "system" | "user" | "assistant";
  readonly content: string;
}

/** Share of the conversations that are one sum and nothing else. */
const SUMS = 0.7;
/** Share of the other conversations that begin with a system prompt. */
const WITH_SYSTEM = 0.3;
/** Maximum number of questions of a conversation. */
const MAX_TURNS = 3;

/**
 * Draws a conversation.
 *
 * @param add says the results of sums
 */
export function drawConversation(random: Random, add: Adder): Message[] {
  if (random.uniform() < SUMS) return drawSum(random, add);
  const messages: Message[] = [];
  let name = NAME;
  if (random.uniform() < WITH_SYSTEM) {
    name = pick(NAMES, random);
    messages.push({ role: "system", content: `Your name is ${name}.` });
  }
  const turns = Math.min(random.integer(1, MAX_TURNS + 1), random.integer(1, MAX_TURNS + 1));
  for (let turn = 0; turn < turns; turn++) messages.push(...drawTurn(name, random, add));
  return messages;
}

function drawTurn(name: string, random: Random, add: Adder): Message[] {
  const kind = random.uniform();
  if (kind < 0.25) return drawSum(random, add);
  const topic = kind < 0.45 ? NAME_TOPIC : pick(TOPICS, random);
  return [
    { role: "user", content: vary(pick(topic.said, random), random) },
    { role: "assistant", content: answer(topic, name, random) },
  ];
}

function drawSum(random: Random, add: Adder): Message[] {
  const addition = drawAddition(random, false);
  const { a, b } = addition;
  return [
    {
      role: "user",
      content: pick(SUM_QUESTIONS, random).replace("{a}", `${a}`).replace("{b}", `${b}`),
    },
    { role: "assistant", content: `${add(addition, random)}` },
  ];
}

function answer(topic: Topic, name: string, random: Random): string {
  return pick(topic.answers, random).replace("{name}", name);
}

/** People type without capitals and marks. */
function vary(text: string, random: Random): string {
  const kind = random.uniform();
  if (kind < 0.15) return text.toLowerCase();
  if (kind < 0.3) return text.toLowerCase().replace(/[.!?]$/, "");
  return text;
}

function pick<T>(items: readonly T[], random: Random): T {
  return items[random.integer(0, items.length)];
}
