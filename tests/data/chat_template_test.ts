import assert from "node:assert/strict";
import { join } from "node:path";
import { ChatTemplate } from "../../lib/data/chat_template.ts";
import { isConversation } from "../../lib/data/messages.ts";
import { UserError } from "../../lib/errors.ts";
import { MemoryFiles } from "../../lib/formats/model_files.ts";
import { withTempDir } from "../temp_dir.ts";

const SIMPLE =
  "{{ bos_token }}{% for m in messages %}<{{ m.role }}>{{ m.content | trim }}{% endfor %}" +
  "{% if add_generation_prompt %}<assistant>{% endif %}";
const MESSAGES = [{ role: "user", content: " Hi " }, { role: "assistant", content: "Yes. " }];

function files(contents: Record<string, unknown>): MemoryFiles {
  return new MemoryFiles(
    Object.entries(contents).map(([name, value]) => [
      name,
      new TextEncoder().encode(typeof value === "string" ? value : JSON.stringify(value)),
    ]),
    "model",
  );
}

async function rendered(
  contents: Record<string, unknown>,
  options?: Parameters<typeof ChatTemplate.load>[1],
): Promise<string> {
  const template = await ChatTemplate.load(files(contents), options);
  try {
    return template.render(MESSAGES);
  } finally {
    template.close();
  }
}

Deno.test("a template is read from the files that transformers reads", async () => {
  const config = { bos_token: { content: "<s>" }, chat_template: SIMPLE };
  assert.equal(await rendered({ "tokenizer_config.json": config }), "<s><user>Hi<assistant>Yes.");

  const named = [{ name: "tool_use", template: "tools" }, { name: "default", template: "plain" }];
  const list = { "tokenizer_config.json": { chat_template: named } };
  assert.equal(await rendered(list), "plain");
  assert.equal(await rendered(list, { name: "tool_use" }), "tools");
  await assert.rejects(
    rendered(list, { name: "rag" }),
    new UserError(
      'model/tokenizer_config.json has no chat template "rag", only "tool_use", "default"',
    ),
  );

  const file = { ...list, "chat_template.jinja": "own file", "special_tokens_map.json": {} };
  assert.equal(await rendered(file), "own file");
  const more = { ...file, "additional_chat_templates/rag.jinja": "documents" };
  assert.equal(await rendered(more, { name: "rag" }), "documents");

  await withTempDir(async (dir) => {
    const path = join(dir, "mine.jinja");
    await Deno.writeTextFile(path, "mine\r\n");
    assert.equal(await rendered(file, { file: path }), "mine");
    await assert.rejects(
      rendered(file, { file: join(dir, "none") }),
      /cannot read the chat template/,
    );
  });
});

Deno.test("a model without a template is said in a line, with what to do", async () => {
  await assert.rejects(
    ChatTemplate.load(files({ "tokenizer_config.json": {} })),
    new UserError(
      "model has no chat template: expected chat_template.jinja, or `chat_template` in " +
        "tokenizer_config.json; name a file with one as `chatTemplate`",
    ),
  );
  assert.equal(await ChatTemplate.find(files({})), null);
});

Deno.test("a conversation is continued where its last message ends", async () => {
  const template = await ChatTemplate.of(SIMPLE.replace("trim }}", "trim }}\n"));
  assert.equal(
    template.render(MESSAGES, { continueFinalMessage: true }),
    "<user>Hi\n<assistant>Yes.",
  );
  const parts = [{ role: "user", content: [{ type: "text", text: "What?" }, { type: "image" }] }];
  assert.equal(
    template.render(parts, { continueFinalMessage: true }),
    "<user>[{'type': 'text', 'text': 'What?",
  );
  const both = { addGenerationPrompt: true, continueFinalMessage: true };
  assert.throws(() => template.render(MESSAGES, both), /give one of them/);
  assert.throws(
    () => template.render([{ role: "user" }], { continueFinalMessage: true }),
    /needs a last message with a text/,
  );
  template.close();
  const silent = await ChatTemplate.of("nothing");
  assert.throws(
    () => silent.render(MESSAGES, { continueFinalMessage: true }),
    /does not write the last message as it is/,
  );
  silent.close();
});

Deno.test("a template has transformers' variables", async () => {
  const template = await ChatTemplate.of(
    "{{ tools }} {{ documents }} {{ add_generation_prompt }} {{ pad_token is defined }} {{ think }}",
    { specialTokens: { pad_token: "<pad>" } },
  );
  assert.equal(template.render(MESSAGES), "None None False True ");
  const options = { addGenerationPrompt: true, tools: [1], variables: { think: true } };
  assert.equal(template.render(MESSAGES, options), "[1] None True True True");
  template.close();
});

Deno.test("a template's own refusals and failures are said in a line", async () => {
  const picky = await ChatTemplate.of("{{ raise_exception('roles must alternate') }}");
  assert.throws(
    () => picky.render(MESSAGES),
    new UserError("the chat template in memory refuses these messages: roles must alternate"),
  );
  picky.close();
  const broken = await ChatTemplate.of("{{ messages.first.second }}");
  assert.throws(
    () => broken.render(MESSAGES),
    /the chat template in memory fails on these messages/,
  );
  broken.close();
  await assert.rejects(ChatTemplate.of("{% if %}"), /memory is not a chat template/);
});

Deno.test("a template out of reason is refused before it is parsed", async () => {
  await assert.rejects(ChatTemplate.of("x".repeat(2 ** 20 + 1), { path: "mine.jinja" }), {
    name: "UserError",
    message:
      "mine.jinja is not a chat template: it has 1048577 characters, expected at most 1048576",
  });
});

Deno.test("a template that does not end is ended", async () => {
  const loop = "{% for i in range(100000) %}";
  const endless = await ChatTemplate.of(`${loop}${loop}{% endfor %}{% endfor %}`, { seconds: 0.2 });
  assert.throws(() => endless.render(MESSAGES), /it takes more than 0 seconds/);
});

Deno.test("a list of objects with roles is a conversation", () => {
  assert.ok(isConversation(MESSAGES));
  for (const other of ["text", [], [{ content: "a" }], [1], null, { role: "user" }]) {
    assert.ok(!isConversation(other));
  }
});

Deno.test("a template that writes nothing is named where the model should read what it writes", async () => {
  const silent = await ChatTemplate.of("{% if messages[0].role == 'x' %}x{% endif %}", {
    path: "own.jinja",
  });
  const message =
    "the chat template in own.jinja writes nothing for these messages: the model has " +
    "nothing to read";
  assert.equal(silent.render(MESSAGES), "");
  assert.throws(() => silent.renderPrompt(MESSAGES), new UserError(message));
  assert.throws(() => silent.encode({ encode: () => [] }, MESSAGES), new UserError(message));
  assert.equal(silent.renderPrompt([{ role: "x", content: "" }]), "x");
});
