import assert from "node:assert/strict";
import { questionIn } from "../../lib/data/chat_question.ts";
import { ChatTemplate } from "../../lib/data/chat_template.ts";
import type { ChatMessage } from "../../lib/data/messages.ts";

/** Templates of the forms that models have. */
const TEMPLATES = {
  ChatML:
    "{% for m in messages %}<|im_start|>{{ m.role }}\n{{ m.content }}<|im_end|>\n{% endfor %}" +
    "{% if add_generation_prompt %}<|im_start|>assistant\n{% endif %}",
  "ChatML with a system prompt of its own": "{% if messages[0].role != 'system' %}<|im_start|>" +
    "system\nYou are helpful.<|im_end|>\n{% endif %}{% for m in messages %}<|im_start|>" +
    "{{ m.role }}\n{{ m.content }}<|im_end|>\n{% endfor %}<|im_start|>assistant\n",
  Gemma: "<bos>{% for m in messages %}<start_of_turn>{{ m.role }}\n{{ m.content | trim }}" +
    "<end_of_turn>\n{% endfor %}<start_of_turn>model\n",
  Llama2: "{% for m in messages %}{% if m.role == 'assistant' %} {{ m.content }} </s>" +
    "{% else %}<s>[INST] {{ m.content }} [/INST]{% endif %}{% endfor %}",
};

const user = (content: string): ChatMessage => ({ role: "user", content });
const assistant = (content: string): ChatMessage => ({ role: "assistant", content });

for (const [name, source] of Object.entries(TEMPLATES)) {
  Deno.test(`the user's last message is found in a prompt: ${name}`, async () => {
    const template = await ChatTemplate.of(source);
    try {
      const found = (...messages: ChatMessage[]) =>
        questionIn(template, template.render(messages, { addGenerationPrompt: true }));
      assert.equal(found(user("What is 27 + 5?")), "What is 27 + 5?");
      assert.equal(found(user("Two\nlines 😀")), "Two\nlines 😀");
      assert.equal(found(user("a"), assistant("b"), user("and then?")), "and then?");
      const system = { role: "system", content: "Be brief." };
      assert.equal(found(system, user("Why?")), "Why?");
      // A dataset of plain prompts: nothing was added.
      assert.equal(questionIn(template, "\nPlain prompt:\n"), "\nPlain prompt:\n");
    } finally {
      template.close();
    }
  });
}

Deno.test("a template that rewrites messages gives no question", async () => {
  const template = await ChatTemplate.of("{{ messages[-1].content | upper }}:");
  try {
    assert.equal(questionIn(template, "HELLO:"), "");
  } finally {
    template.close();
  }
});
