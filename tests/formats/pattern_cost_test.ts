import assert from "node:assert/strict";
import { matchingWays } from "../../lib/formats/pattern_cost.ts";
import { loraNumbers, modulePattern } from "../../lib/formats/target_modules.ts";

Deno.test("ways of matching: a power of the length, or without end", () => {
  const ways = (pattern: string) => matchingWays(pattern, 10);
  assert.equal(ways("abc"), 1);
  assert.equal(ways(".*x"), 11);
  assert.equal(ways("[^]]+\\.[\\]a]*"), 110);
  assert.equal(ways("(?:q|v)$"), 1);
  assert.equal(ways("(q|qv)"), 2);
  assert.equal(ways("(q|q.*)"), 12);
  assert.equal(ways("a?b{2,4}c{3}"), 6);
  assert.equal(ways("(a?){3}"), 8);
  for (const pattern of ["(a+)+", "(a|a.)*", "((ab?)*c)*", "(?:x*){2,}"]) {
    assert.equal(ways(pattern), Infinity, pattern);
  }
});

Deno.test("patterns of published adapters are read", () => {
  const patterns = [
    ".*\\.(q|v)$",
    ".*decoder.*(SelfAttention|EncDecAttention).*(q|v)$",
    "^(?!.*(lm_head)).*(q_proj|v_proj).*$",
    "(?:.*?(?:vision|image|visual|patch|language|text).*?(?:self_attn|attention|attn|mlp|feed_forward|ffn|dense).*?(?:q_proj|k_proj|v_proj|o_proj|gate_proj|up_proj|down_proj).*?)|(?:\\bmodel\\.layers\\.[\\d]{1,}\\.(?:self_attn|mlp)\\.(?:(?:q_proj|k_proj)))",
  ];
  for (const pattern of patterns) modulePattern(pattern, "target_modules");
});

Deno.test("what Python reads otherwise than JavaScript is translated, or refused", () => {
  const matches = (pattern: string, name: string) =>
    modulePattern(pattern, "target_modules").test(name);
  assert.ok(matches("\\A.*\\.q\\Z", "block.q"));
  assert.ok(matches("(?P<x>q)(?P=x)", "qq"));
  assert.ok(matches("q{,2}", "qq"));
  assert.ok(!matches("q{,2}", "q{,2}"));
  assert.ok(matches("\\\\Z", "\\Z"), "an escaped backslash, and a letter");
  assert.ok(matches("[{,2}]+", "{,2}"));
  for (const pattern of ["\\aq", "\\N{BULLET}", "\\pL", "q\\"]) {
    assert.throws(() => modulePattern(pattern, "target_modules"), {
      name: "UserError",
      message: /^target_modules: the pattern .* cannot be read: /,
    });
  }
});

Deno.test("patterns out of reason are refused in one line", () => {
  for (const pattern of ["(".repeat(4000) + ")".repeat(4000), "x".repeat(20_000)]) {
    assert.throws(() => modulePattern(pattern, "target_modules"), {
      name: "UserError",
      message: /^target_modules: the pattern .* cannot be read: /,
    });
  }
  const many = Object.fromEntries(Array.from({ length: 200 }, (_, i) => [`.*.*.*x${i}`, 2]));
  const config = { r: 1, loraAlpha: 1, loraDropout: 0, targetModules: ["q"] };
  assert.throws(() => loraNumbers({ ...config, rankPattern: many }), {
    name: "UserError",
    message: /^rank_pattern: its 200 patterns could take minutes to match/,
  });
  loraNumbers({
    ...config,
    rankPattern: Object.fromEntries(
      Array.from({ length: 1000 }, (_, i) => [`model.layers.${i}.self_attn.q_proj`, 2]),
    ),
  });
});

Deno.test("patterns that could take minutes are refused before they are tried", () => {
  for (const pattern of ["(a+)+$", "(.*)*q", ".*.*.*.*.*.*.*q", "(a|aa)+$", "(?:a?){60}a{60}"]) {
    assert.throws(() => modulePattern(pattern, "target_modules"), {
      name: "UserError",
      message: /^target_modules: the pattern .* could take minutes to match/,
    });
  }
});
