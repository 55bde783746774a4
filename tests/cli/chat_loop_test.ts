import assert from "node:assert/strict";
import { type ChatPlace, holdChat } from "../../lib/cli/chat_loop.ts";
import { UserError } from "../../lib/errors.ts";
import type { ChatMessage } from "../../lib/data/messages.ts";

/** Holds a conversation with an echo, and collects what it shows. */
async function chat(lines: readonly string[], system: string | null = null) {
  const shown: string[] = [];
  const seen: string[] = [];
  const left = [...lines];
  const stop = new AbortController();
  const place: ChatPlace = {
    interactive: false,
    nextLine: () => Promise.resolve(left.shift() ?? null),
    writeAnswer: (text) => shown.push(text),
    endAnswer: () => shown.push("|"),
    note: (text) => shown.push(`(${text})`),
    refuse: (error) => shown.push(`!${error.message}`),
    answering: () => Object.assign(stop.signal, { [Symbol.dispose]() {} }),
  };
  const partner = {
    answer(messages: readonly ChatMessage[], { onText }: { onText(text: string): void }) {
      seen.push(messages.map(({ role, content }) => `${role[0]}:${content}`).join(" "));
      const content = String(messages.at(-1)!.content);
      if (content === "fail") throw new UserError("too long");
      if (content === "stop") {
        stop.abort();
        return Promise.resolve("");
      }
      onText(content);
      onText("!");
      return Promise.resolve(`${content}!`);
    },
  };
  const messages = await holdChat(partner, place, system);
  return { shown, seen, messages };
}

Deno.test("each message is answered with the conversation before it", async () => {
  const { shown, seen, messages } = await chat(["one", "", "  two "], "Echo.");
  assert.deepEqual(shown, ["one", "!", "|", "two", "!", "|"]);
  assert.deepEqual(seen, ["s:Echo. u:one", "s:Echo. u:one a:one! u:two"]);
  assert.deepEqual(messages.at(-1), { role: "assistant", content: "two!" });
  assert.equal(messages.length, 5);
});

Deno.test("/reset forgets, /system sets the prompt, /exit leaves, a path is a message", async () => {
  const { seen } = await chat(
    ["one", "/reset", "/usr/bin", "/system Be\tbrief.", "two", "/exit", "three"],
    "Echo.",
  );
  assert.deepEqual(seen, ["s:Echo. u:one", "s:Echo. u:/usr/bin", "s:Be\tbrief. u:two"]);
});

Deno.test("/help lists the commands; one that does not exist is said so", async () => {
  const { shown } = await chat(["/help", "/quit", "/system", "/system Echo.", "/system"]);
  assert.match(shown[0], /^\(\/reset +start a new conversation\n/);
  assert.equal(shown[1], "(there is no command /quit: /help shows them)");
  assert.equal(shown[2], "(there is no system prompt: /system TEXT sets one)");
  assert.equal(shown[4], "(Echo.)");
});

Deno.test("a message without an answer is forgotten", async () => {
  const { shown, seen } = await chat(["fail", "one", "stop", "two"]);
  assert.equal(shown[0], "!too long");
  assert.deepEqual(seen.slice(1), ["u:one", "u:one a:one! u:stop", "u:one a:one! u:two"]);
});
