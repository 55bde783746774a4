import assert from "node:assert/strict";
import { TemplateProgram, TemplateRefusal } from "../../lib/data/template_program.ts";
// Recorded with Jinja2 3.1.6 and transformers' environment: trim_blocks, lstrip_blocks, its tojson.
import recorded from "./jinja_renderings.json" with { type: "json" };

const render = (template: string) => new TemplateProgram(template).render(recorded.variables);

for (const [template, expected] of recorded.renderings) {
  Deno.test(`as Jinja2: ${JSON.stringify(template).slice(0, 80)}`, () => {
    assert.equal(render(template).text, expected);
  });
}

Deno.test("escapes in texts are Python's, in tags alone", () => {
  assert.equal(render('{{ "a\\\n  b\\d\\\\n\\n" }}c\\\nd').text, "a  b\\d\\n\nc\\\nd");
});

Deno.test("what Jinja2 refuses is refused", () => {
  assert.throws(() => render('{{ raise_exception("no") }}'), new TemplateRefusal("no"));
  assert.throws(() => render('{{ "a" + 1 }}'), /str and int cannot be added/);
  assert.throws(() => render("{{ missing.role }}"), /missing is undefined/);
  assert.throws(() => render("{{ messages[0].tools.name }}"), /messages.….tools is undefined/);
  assert.throws(() => render("{{ 1 | unheard }}"), /unheard/);
  assert.throws(() => render("{% for %}"), SyntaxError);
  assert.throws(() => render("{% for m in messages %}"), /it ends within a statement/);
  assert.throws(() => render("{% for m in n %}{% endfor %}"), /int cannot be iterated over/);
  assert.throws(() => render("{{ range(10 ** 9) }}"), /at most 100000/);
});

Deno.test("generation blocks are found, whatever the messages have in them", () => {
  const template = "{% for m in messages %}\n  {% generation %}\n  {{ m.content }}\n" +
    "  {%- endgeneration -%}\n  !\n{% endfor %}";
  const program = new TemplateProgram(template);
  for (const content of ["yes", "\ue000 \ue001 no"]) {
    const { text, generated } = program.render({ messages: [{ content }, { content: "b" }] });
    assert.equal(text, `  ${content}!\n  b!\n`);
    assert.deepEqual(generated.map(([start, end]) => text.slice(start, end)), [
      `  ${content}`,
      "  b",
    ]);
  }
});

Deno.test("a text cannot grow without end", () => {
  const doubling = "{% set ns = namespace(a='aaaa') %}" +
    "{% for i in range(60) %}{% set ns.a = ns.a ~ ns.a %}{% endfor %}";
  assert.throws(() => render(doubling), /more than 33554432 characters/);
  assert.throws(() => render(doubling.replace("~", "+")), /more than 33554432 characters/);
});
