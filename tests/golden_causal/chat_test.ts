/** Conversations' texts and tokens as transformers' `apply_chat_template` makes them. */
import assert from "node:assert/strict";
import { join } from "node:path";
import { ChatTemplate } from "../../lib/data/chat_template.ts";
import type { ChatMessage } from "../../lib/data/messages.ts";
import { Tokenizer } from "../../lib/data/tokenizer.ts";
import { extractPrompt, renderRow, type TrlRow, type TrlTexts } from "../../lib/data/trl_rows.ts";
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

interface TrlCase {
  example: TrlRow;
  extracted: TrlRow;
  gpt2: { texts: TrlTexts; ids?: Record<string, number[]> };
  qwen2: { texts: TrlTexts; ids?: Record<string, number[]> };
}

const { trl } = readCase<{ trl: TrlCase[] }>("tokenizers", "chat.json");

for (const name of TOKENIZERS) {
  Deno.test(`${name}: rows in TRL's formats become TRL's texts and tokens`, async () => {
    const folder = join(goldenCausalDir, "tokenizers", name);
    const tokenizer = await Tokenizer.load(folder);
    const template = await ChatTemplate.load(folder);
    for (const { example, extracted, [name]: { texts, ids = {} } } of trl) {
      const row = extractPrompt(example);
      assert.deepEqual(row, extracted);
      const rendered = renderRow(row, template);
      assert.deepEqual(rendered, texts);
      // DPOTrainer.tokenize_row: no special tokens but the end token behind a continuation.
      for (const [key, expected] of Object.entries(ids)) {
        const kind = key.replace("_input_ids", "") as keyof TrlTexts;
        const tokens = tokenizer.encode(rendered[kind]!, { addSpecialTokens: false });
        if (kind !== "prompt") tokens.push(tokenizer.eosTokenId!);
        assert.deepEqual(tokens, expected);
      }
    }
    template.close();
  });
}
