import assert from "node:assert/strict";
import { fileURLToPath } from "node:url";

const ROOT = new URL("..", import.meta.url);

/** A message's first or last words where they are not in the voice of the others. */
const OTHER_VOICE = [
  /new (?:User|OutOfMemory|NotFinite|TrainingDiverged|RunInterrupted)Error\(\s*["`][A-Z][a-z]+ [^`"]*/g,
  /new \w*UserError\((?:[^;]|;(?!\n))*?[^("`]\.["`](?=,? *\n? *(?:\)|\{))/g,
];

/** Files whose texts name options of other programs: those of V8, Git and Deno. */
const OTHERS_OPTIONS = [
  "lib/device/turbo.ts",
  "lib/platform/program.ts",
  "lib/platform/subprocess.ts",
];

/** Source files below the command line. */
function* sources(folder: string): Generator<string> {
  for (const { name, isDirectory } of Deno.readDirSync(new URL(folder, ROOT))) {
    const path = `${folder}${name}`;
    if (path === "lib/cli") continue;
    if (isDirectory) yield* sources(`${path}/`);
    else if (name.endsWith(".ts") && !OTHERS_OPTIONS.includes(path)) yield path;
  }
}

/** A text that names an option, outside of comments. */
const OPTION = /^(?!\s*(\/\/|\/?\*)).*["'`].*(?<![\w-])--[a-z]/;

Deno.test("no text below the command line names one of its options", () => {
  const found = [...sources("lib/"), ...sources("kernels/")].flatMap((path) =>
    Deno.readTextFileSync(fileURLToPath(new URL(path, ROOT))).split("\n")
      .flatMap((line, index) => OPTION.test(line) ? [`${path}:${index + 1}: ${line.trim()}`] : [])
  );
  assert.deepEqual(found, []);
});

Deno.test("messages begin in lower case and have no full stop at their end", () => {
  const found = [...sources("lib/"), ...sources("kernels/")].flatMap((path) => {
    const text = Deno.readTextFileSync(fileURLToPath(new URL(path, ROOT)));
    return OTHER_VOICE.flatMap((pattern) => text.match(pattern) ?? []).map((at) =>
      `${path}: ${at}`
    );
  });
  assert.deepEqual(found, []);
});

Deno.test("another voice is found", () => {
  const voices = (text: string) => OTHER_VOICE.map((pattern) => text.match(pattern) !== null);
  assert.deepEqual(voices('new UserError("Cannot read it")'), [true, false]);
  assert.deepEqual(voices("new UserError(`${path} is empty.`)"), [false, true]);
  assert.deepEqual(voices('new UserError(\n  `a ` +\n    "b.",\n  { cause },\n)'), [false, true]);
  assert.deepEqual(voices("new UserError(`PyTorch has ${a}, ${b.c}`, { cause });"), [false, false]);
});

Deno.test("an option is found in a text, and neither in a comment nor in code", () => {
  assert.match('  throw new UserError("use --dtype bf16");', OPTION);
  assert.match("    `smaller --batch-size`,", OPTION);
  for (const line of ['// "--dtype"', ' * `--dtype`: "x"', 'f(--count, "x")', "a-- > b"]) {
    assert.doesNotMatch(line, OPTION);
  }
});
