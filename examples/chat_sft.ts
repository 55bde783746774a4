/**
 * Teaches the demo's chat model what a bakery's customers ask: supervised fine-tuning of a LoRA adapter
 * on conversations. `temper sft` does the same with a file of them.
 *
 *     deno run -A examples/chat_sft.ts --steps 40
 */
import { parseArgs } from "node:util";
import {
  type ChatMessage,
  ChatTemplate,
  createAdapter,
  generate,
  loadLanguageModel,
  openDevice,
  resolveAsset,
  saveAdapter,
  SFTTrainer,
  Tokenizer,
} from "../mod.ts";

const { values: { steps, model: name, output } } = parseArgs({
  options: {
    steps: { type: "string", default: "40" },
    model: { type: "string", default: "demo/tiny-chat" },
    output: { type: "string" },
  },
});

const ANSWERS = {
  "When do you open?": "We open at seven.",
  "When do you close?": "We close at six.",
  "Do you have rye bread?": "Yes, fresh every morning.",
  "Where are you?": "Next to the old bridge.",
  "What is your name?": "I am the bakery's assistant.",
};

const device = await openDevice();
const folder = await resolveAsset(name);
const tokenizer = await Tokenizer.load(folder);
const template = await ChatTemplate.load(folder);
const model = await loadLanguageModel(device, folder);
const lora = { r: 8, loraAlpha: 16, loraDropout: 0, targetModules: "all-linear" };
const adapter = createAdapter(model, lora, 0);

const prompt = (messages: ChatMessage[]) =>
  template.encode(tokenizer, messages, { addGenerationPrompt: true });
const end = model.eosTokenIds[0];
const turns = Object.entries(ANSWERS).map(([question, answer]) => ({
  user: { role: "user", content: question },
  assistant: { role: "assistant", content: answer },
}));
// Each question by itself, and as the second one.
const examples = turns.flatMap(({ user, assistant }, i) => {
  const before = turns.at(i - 1)!;
  const labels = [...tokenizer.encode(assistant.content, { addSpecialTokens: false }), end];
  return [[user], [before.user, before.assistant, user]]
    .map((messages) => ({ inputIds: prompt(messages), labels }));
});

const trained = { model, adapter, parameters: adapter.parameters };
const trainer = new SFTTrainer(trained, { steps: Number(steps), learningRate: 5e-3 });
for (let step = 1; step <= Number(steps); step++) {
  const { loss } = await trainer.step(examples);
  if (step % 10 === 0) console.log(`step ${step}: loss ${loss.toFixed(4)}`);
}
if (output) await saveAdapter(trained, output, name);

// A conversation: each answer is read with what was said before it.
const messages: ChatMessage[] = [];
for (const content of ["When do you close?", "Do you have rye bread?"]) {
  messages.push({ role: "user", content });
  const [{ tokens }] = await generate(model, [prompt(messages)], { maxNewTokens: 40 }, { adapter });
  const answer = tokenizer.decode(tokens, { skipSpecialTokens: true });
  messages.push({ role: "assistant", content: answer });
}
for (const { role, content } of messages) console.log(`${role}: ${content}`);
template.close();
device.close();
