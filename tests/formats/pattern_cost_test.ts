import assert from "node:assert/strict";
import { matchingWays } from "../../lib/formats/pattern_cost.ts";
import { modulePattern } from "../../lib/formats/target_modules.ts";

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

Deno.test("patterns that could take minutes are refused before they are tried", () => {
  for (const pattern of ["(a+)+$", "(.*)*q", ".*.*.*.*.*.*.*q", "(a|aa)+$", "(?:a?){60}a{60}"]) {
    assert.throws(() => modulePattern(pattern, "target_modules"), {
      name: "UserError",
      message: /^target_modules: the pattern .* could take minutes to match/,
    });
  }
});
