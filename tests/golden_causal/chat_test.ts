/** Conversations' texts and tokens as transformers' `apply_chat_template` makes them. */
import assert from "node:assert/strict";
import { join } from "node:path";
import { ChatTemplate } from "../../lib/data/chat_template.ts";
import type { ChatMessage } from "../../lib/data/messages.ts";
import { Tokenizer } from "../../lib/data/tokenizer.ts";
import { goldenCausalDir, readCase } from "./folder.ts";

const TOKENIZERS = ["gpt2", "qwen2"] as const;

type ChatCase = Record<typeof TOKENIZERS[number], { text: string; ids: number[] }> & {
  messages: ChatMessage[];
  add_generation_prompt?: boolean;
  continue_final_message?: boolean;
};

const { chats } = readCase<{ chats: ChatCase[] }>("tokenizers", "chat.json");

for (const name of TOKENIZERS) {
  const folder = join(goldenCausalDir, "tokenizers", name);
  Deno.test(`${name}'s chat template gives transformers' texts and tokens`, async (t) => {
    const tokenizer = await Tokenizer.load(folder);
    const template = await ChatTemplate.load(folder);
    for (const [i, chat] of chats.entries()) {
      await t.step(`chat ${i}`, () => {
        const options = {
          addGenerationPrompt: chat.add_generation_prompt,
          continueFinalMessage: chat.continue_final_message,
        };
        assert.equal(template.render(chat.messages, options), chat[name].text);
        assert.deepEqual(template.encode(tokenizer, chat.messages, options), chat[name].ids);
      });
    }
    template.close();
  });
}
