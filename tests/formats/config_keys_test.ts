import assert from "node:assert/strict";
import {
  checkConfigKeys,
  COMMON_KEYS,
  type ConfigKeys,
  GENERATION_KEYS,
} from "../../lib/formats/config_keys.ts";
import { T5_KEYS } from "../../lib/models/t5/config_keys.ts";

const OWN: ConfigKeys = { read: ["width"], harmless: ["note"], neutral: { scale: [1, "one"] } };

Deno.test("checkConfigKeys: known keys, neutral values and unset unknown keys pass", () => {
  const passing = [
    { width: 5, note: { any: "thing" }, scale: 1 },
    { scale: "one" },
    { scale: null, quantization_config: null },
    { unknown: null, other: false, third: "", fourth: [], fifth: {} },
    { use_cache: false, dtype: "bfloat16", architectures: ["X"], pruned_heads: {} },
  ];
  for (const config of passing) checkConfigKeys(config, "config.json", [OWN, COMMON_KEYS]);
});

Deno.test("checkConfigKeys: names a key that would change results, with its value", () => {
  const check = (config: Record<string, unknown>) => () =>
    checkConfigKeys({ model_type: "x", ...config }, "dir/config.json", [OWN, COMMON_KEYS]);
  assert.throws(check({ scale: 2 }), {
    name: "UserError",
    message: 'dir/config.json: "scale" is 2: it changes what is computed, and Temper ' +
      "implements 1 alone",
  });
  // An unset value is not a neutral one.
  assert.throws(check({ scale: false }), { name: "UserError", message: /"scale" is false/ });
  assert.throws(check({ pruned_heads: { 0: [1] } }), /"pruned_heads" is \{"0":\[1\]\}/);
  assert.throws(check({ auto_map: { AutoModel: "own.Model" } }), /"auto_map" is/);
  assert.throws(check({ unknown: 0 }), {
    name: "UserError",
    message:
      'dir/config.json: "unknown" is 0, a setting that Temper does not know for a model of ' +
      'type "x": remove it if it changes no results',
  });
  assert.throws(check({ unknown: "y".repeat(1e5) }), ({ message }: Error) => message.length < 300);
});

Deno.test("no key is in two tables of config.json's keys", () => {
  const keys = [COMMON_KEYS, GENERATION_KEYS, T5_KEYS]
    .flatMap(({ read = [], harmless = [], neutral = {} }) => [
      ...read,
      ...harmless,
      ...Object.keys(neutral),
    ]);
  assert.deepEqual(keys.filter((key, i) => keys.indexOf(key) !== i), []);
});
