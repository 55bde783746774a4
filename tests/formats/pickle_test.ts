import assert from "node:assert/strict";
import { type PickleHooks, unpickle } from "../../lib/formats/pickle.ts";
import { OPCODE_NAMES } from "../../lib/formats/pickle_opcodes.ts";
import { pickle, text } from "./torch_pickle.ts";

const NO_HOOKS: PickleHooks = { global: () => null, persistent: (id) => id };

/** What CPython's pickle.dumps wrote, by protocol. */
const WRITTEN = {
  2: "80027d71002858010000006171015d7102284b014affffffff4d2c014a701101008a060000000000018a050000" +
    "0000fe88894e473fe00000000000005802000000c3a97103655801000000627104284b014b024b034b04747105" +
    "580100000063710628294b018571074b014b028671084b014b024b0387710974710a580100000064710b7d710c" +
    "580100000065710d5d710e580100000066710f5d71105d71116158010000006771125806000000736861726564" +
    "711358010000006871145d7115681361752e",
  4: "80049590000000000000007d94288c0161945d94284b014affffffff4d2c014a701101008a060000000000018a" +
    "0500000000fe88894e473fe00000000000008c02c3a994658c016294284b014b024b034b0474948c0163942829" +
    "4b0185944b014b0286944b014b024b03879474948c0164947d948c0165945d948c0166945d945d94618c016794" +
    "8c06736861726564948c0168945d94681361752e",
};
for (const [protocol, hex] of Object.entries(WRITTEN)) {
  Deno.test(`numbers, texts and containers of protocol ${protocol}`, () => {
    const expected: [string, unknown][] = [
      ["a", [1, -1, 300, 70000, 2 ** 40, -(2 ** 33), true, false, null, 0.5, "é"]],
      ["b", [1, 2, 3, 4]],
      ["c", [[], [1], [1, 2], [1, 2, 3]]],
      ["d", new Map()],
      ["e", []],
      ["f", [[]]],
      ["g", "shared"],
      ["h", ["shared"]],
    ];
    assert.deepEqual(unpickle("file", Buffer.from(hex, "hex"), NO_HOOKS), new Map(expected));
  });
}

Deno.test("integers that a number does not hold exactly are bigints", () => {
  // pickle.dumps([2**53 - 1, 2**53, -(2**53), 2**70, -(2**63), 2**64], 2)
  const hex =
    "80025d7100288a07ffffffffffff1f8a07000000000000208a07000000000000e08a090000000000000000408a0800000000000000808a09000000000000000001652e";
  assert.deepEqual(
    unpickle("file", Buffer.from(hex, "hex"), NO_HOOKS),
    [2 ** 53 - 1, 2n ** 53n, -(2n ** 53n), 2n ** 70n, -(2n ** 63n), 2n ** 64n],
  );
});

Deno.test("globals, calls and persistent ids are the hooks'", () => {
  const asked: string[] = [];
  const hooks: PickleHooks = {
    global(module, name) {
      asked.push(`${module}.${name}`);
      return ([a]: number[]) => a * 2;
    },
    persistent: (id) => `<${id}>`,
  };
  const bytes = pickle(
    "(cm\nf\n(K",
    21,
    "tR",
    ...text("m"),
    ...text("g"),
    0x93,
    "K",
    3,
    0x85,
    "RK",
    5,
    "Qt",
  );
  assert.deepEqual(unpickle("file", bytes, hooks), [42, 6, "<5>"]);
  assert.deepEqual(asked, ["m.f", "m.g"]);
});

const BROKEN: [string, (string | number)[], RegExp][] = [
  ["nothing on the stack", [], /takes more from its stack than is there \(byte 3\)/],
  ["values below a MARK", ["K", 1, "(", 0x85], /takes more from its stack/],
  ["no MARK", ["t"], /has no MARK/],
  ["an unknown memo", ["h", 7], /recalls memo 7, which was never put/],
  ["a text beyond the end", ["X", 99, 0, 0, 0], /ends before its STOP/],
  ["a line beyond the end", ["cos"], /ends before its STOP/],
  ["a key without a value", ["}(K", 1, "u"], /has a key without a value/],
  ["an item of a number", ["K", 1, "K", 1, "K", 1, "s"], /sets an item of what is not a dict/],
  ["an element of a dict", ["}K", 1, "a"], /appends to what is not a list/],
  ["a call of a number", ["K", 1, ")R"], /calls what is not a function/],
  ["attributes of a list", ["]}b"], /sets attributes of no dict/],
  ["a global of numbers", ["K", 1, "K", 1, 0x93], /names a global by what is not text/],
  [
    "an opcode that makes objects",
    ["(cos\nsystem\n", "o"],
    /global "os\.system" at byte 14 is not/,
  ],
  ["an opcode of old protocols", ["I1\n"], /pickle opcode INT at byte 2 is not allowed/],
  ["no opcode", [0xff], /pickle opcode 0xff at byte 2 is not allowed/],
];
for (const [what, parts, message] of BROKEN) {
  Deno.test(`refused: ${what}`, () => {
    assert.throws(() => unpickle("file", pickle(...parts), NO_HOOKS), {
      name: "UserError",
      message,
    });
  });
}

Deno.test("opcodes have Python's names", () => {
  assert.equal(OPCODE_NAMES.get(0x2e), "STOP");
  assert.equal(OPCODE_NAMES.get(0x93), "STACK_GLOBAL");
  assert.equal(OPCODE_NAMES.size, 68);
});
