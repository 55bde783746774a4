/** Conversations' texts and tokens as transformers' `apply_chat_template` and TRL make them. */
import assert from "node:assert/strict";
import { join } from "node:path";
import { ChatTemplate } from "../../lib/data/chat_template.ts";
import type { ChatMessage } from "../../lib/data/messages.ts";
import { Tokenizer } from "../../lib/data/tokenizer.ts";
import { extractPrompt, renderRow, type TrlRow, type TrlTexts } from "../../lib/data/trl_rows.ts";
import { goldenCausalDir, readCase, tokenizerNames } from "./folder.ts";

interface ChatCase {
  messages: ChatMessage[];
  add_generation_prompt?: boolean;
  continue_final_message?: boolean;
}

interface TrlCase {
  example: TrlRow;
  extracted: TrlRow;
}

/** Results that are expected of each tokenizer, by its name. */
type ByTokenizer = Readonly<Record<string, unknown>>;

const { chats, trl } = readCase<{
  chats: (ChatCase & ByTokenizer)[];
  trl: (TrlCase & ByTokenizer)[];
}>("tokenizers", "chat.json");

for (const name of tokenizerNames()) {
  const folder = join(goldenCausalDir, "tokenizers", name);
  const tokenizer = await Tokenizer.load(folder);
  const template = await ChatTemplate.load(folder);

  for (const [i, chat] of chats.entries()) {
    Deno.test(`${name}, chat ${i}: transformers' text and tokens`, () => {
      const { text, ids } = chat[name] as { text: string; ids: number[] };
      const options = {
        addGenerationPrompt: chat.add_generation_prompt,
        continueFinalMessage: chat.continue_final_message,
      };
      assert.equal(template.render(chat.messages, options), text);
      assert.deepEqual(template.encode(tokenizer, chat.messages, options), ids);
    });
  }

  for (const [i, row] of trl.entries()) {
    Deno.test(`${name}, row ${i} in TRL's format: TRL's texts and tokens`, () => {
      const { texts, ids = {} } = row[name] as { texts: TrlTexts; ids?: Record<string, number[]> };
      const extracted = extractPrompt(row.example);
      assert.deepEqual(extracted, row.extracted);
      const rendered = renderRow(extracted, template);
      assert.deepEqual(rendered, texts);
      // DPOTrainer.tokenize_row: no special tokens but the end token behind a continuation.
      for (const [key, expected] of Object.entries(ids)) {
        const kind = key.replace("_input_ids", "") as keyof TrlTexts;
        const tokens = tokenizer.encode(rendered[kind]!, { addSpecialTokens: false });
        if (kind !== "prompt") tokens.push(tokenizer.eosTokenId!);
        assert.deepEqual(tokens, expected);
      }
    });
  }
}
