import { Environment, Interpreter, parse, tokenize } from "../packages/jinja.ts";
import type { JsonObject } from "../formats/hf_config.ts";
import { capitalize, type Side, strftime, strip } from "./python_text.ts";
import { equal, nameOf, printed, textOf, type Value, valueOf } from "./template_values.ts";

/** Node of a parsed template, with the fields of whatever it is. */
type Node = NonNullable<Parameters<Interpreter["evaluate"]>[0]> & Record<string, unknown>;

/** Failure that the template asked for, by `raise_exception`. */
export class TemplateRefusal extends Error {
  override name = "TemplateRefusal";
}

/** `{% break %}` or `{% continue %}` on its way to its loop, with what the iteration has written so far. */
class LoopControl extends Error {
  constructor(readonly ends: boolean, readonly written: string) {
    super("break or continue outside of a loop");
  }
}

/** A text and the parts of it that lie in `{% generation %}` blocks. */
export interface RenderedText {
  /** The whole text. */
  text: string;
  /** Start and end of each part, in UTF-16 units. */
  generated: [start: number, end: number][];
}

/** Maximum length of what a template writes, and of a text that it makes on the way. */
const MAX_LENGTH = 2 ** 25;

/** Statement or expression, in which texts have escapes. */
const TAG = /\{[{%][\s\S]*?[%}]\}/g;

/** Tag around the assistant's own words; transformers' own. */
const GENERATION = /\{%([-+]?)\s*(end)?generation\s*([-+]?)%\}/g;

/**
 * Chat template, parsed. The package has the grammar of Jinja; what it evaluates otherwise than
 * Python's Jinja2, which transformers uses, is done here: what is printed, comparisons, the scopes of
 * loops, white space.
 */
export class TemplateProgram {
  readonly #source: string;
  #program: Node;
  #marks: readonly [start: string, end: string];

  /** Parses a template. @throws {Error} when it is not Jinja */
  constructor(source: string) {
    // Jinja's `newline_sequence`.
    this.#source = source.replaceAll(/\r\n?/g, "\n");
    this.#marks = unusedCharacters(this.#source);
    this.#program = this.#parse();
  }

  /**
   * Renders it with variables, JSON values.
   *
   * @throws {TemplateRefusal} when it calls `raise_exception`
   * @throws {Error} when it fails
   */
  render(variables: JsonObject): RenderedText {
    const inputs = JSON.stringify(variables);
    if (this.#marks.some((mark) => inputs.includes(mark))) {
      this.#marks = unusedCharacters(this.#source + inputs);
      this.#program = this.#parse();
    }
    const environment = new Environment();
    for (const [name, value] of Object.entries({ ...GLOBALS, ...variables })) {
      environment.set(name, value);
    }
    const written = new PythonInterpreter(environment).evaluate(this.#program, environment);
    return this.#split(written.value as string);
  }

  /** Parses the template with marks in the place of the tags around what is generated. */
  #parse(): Node {
    const marked = this.#source.replaceAll(TAG, withKnownEscapes).replaceAll(
      GENERATION,
      (_, left, end, right) =>
        `{%${left} if true %}{{ '${this.#marks[end ? 1 : 0]}' }}{% endif ${right}%}`,
    );
    const tokens = tokenize(marked, { lstrip_blocks: true, trim_blocks: true });
    try {
      return parse(tokens) as unknown as Node;
    } catch (error) {
      // The parser goes on where there are no more tokens.
      if (!(error instanceof TypeError)) throw error;
      throw new Error("it ends within a statement", { cause: error });
    }
  }

  /** Takes the marks out. */
  #split(written: string): RenderedText {
    const [start, end] = this.#marks;
    const generated: [number, number][] = [];
    let [text, open] = ["", 0];
    for (const part of written.split(new RegExp(`([${start}${end}])`))) {
      if (part === start) open = text.length;
      else if (part === end) generated.push([open, text.length]);
      else text += part;
    }
    return { text, generated };
  }
}

/** Names that transformers gives to templates. */
const GLOBALS = {
  true: true,
  True: true,
  false: false,
  False: false,
  none: null,
  None: null,
  range,
  strftime_now: (format: string) => strftime(new Date(), format),
  raise_exception: (message: unknown) => {
    throw new TemplateRefusal(String(message));
  },
};

/**
 * A tag without the escapes that the package refuses: Python drops a line break behind a backslash, and
 * keeps a backslash before a character that makes no escape.
 */
function withKnownEscapes(tag: string): string {
  return tag.replaceAll(/\\([\s\S])/g, (escape, character) => {
    if (character === "\n") return "";
    return "ntrbfv'\"\\xu".includes(character) ? escape : `\\${escape}`;
  });
}

/** Two characters for private use that a text lacks. */
function unusedCharacters(text: string): [string, string] {
  const found: string[] = [];
  for (let code = 0xe000; code <= 0xf8ff && found.length < 2; code++) {
    const character = String.fromCharCode(code);
    if (!text.includes(character)) found.push(character);
  }
  if (found.length < 2) throw new Error("its texts have every character for private use");
  return found as [string, string];
}

/** Python's `range`, whose length Jinja's sandbox limits. */
function range(start: number, stop?: number, step = 1): number[] {
  const [from, to] = stop === undefined ? [0, start] : [start, stop];
  const length = Math.max(0, Math.ceil((to - from) / step));
  if (!(length <= 100_000)) {
    throw new Error(`range of ${length} numbers, at most 100000 are allowed`);
  }
  return Array.from({ length }, (_, i) => from + i * step);
}

/** Functions of a text and further arguments. */
type TextFunctions = Readonly<Record<string, (text: string, args: Value[]) => unknown>>;

/** Methods of texts that the package lacks, or whose results differ from Python's. */
const METHODS: TextFunctions = {
  strip: (text, args) => stripped(text, "both", args),
  lstrip: (text, args) => stripped(text, "left", args),
  rstrip: (text, args) => stripped(text, "right", args),
  capitalize,
  find: (text, [part]) => {
    const at = text.indexOf(textOf(part, "what to find"));
    return at < 0 ? at : Array.from(text.slice(0, at)).length;
  },
  join: (text, [items]) => itemsOf(items).map((item) => textOf(item, "an item to join")).join(text),
};

/** The same for filters. */
const FILTERS: TextFunctions = {
  trim: (text, args) => stripped(text, "both", args),
  length: (text) => Array.from(text).length,
  count: (text) => Array.from(text).length,
  capitalize,
};

function stripped(text: string, side: Side, [characters]: Value[]): string {
  const none = characters === undefined || characters.type === "NullValue";
  return strip(text, side, none ? undefined : textOf(characters, "what to strip"));
}

/** Interpreter with Python's semantics. */
class PythonInterpreter extends Interpreter {
  override evaluate(statement: Node | undefined, scope: Environment): Value {
    if (!statement) return valueOf(undefined);
    switch (statement.type) {
      case "Program":
        return valueOf(this.#block(statement.body as Node[], scope));
      case "If": {
        const holds = this.evaluate(statement.test as Node, scope).__bool__().value;
        return valueOf(
          this.#block((holds ? statement.body : statement.alternate) as Node[], scope),
        );
      }
      case "For":
        return valueOf(this.#loop(statement, scope));
      case "Break":
      case "Continue":
        throw new LoopControl(statement.type === "Break", "");
      case "Set":
        // Only the values of a block are written.
        if (statement.value !== null) return super.evaluate(statement, scope);
        return super.evaluate(
          { ...statement, body: this.#printing(statement.body) } as Node,
          scope,
        );
      case "Macro":
      case "CallStatement":
      case "FilterStatement":
        return super.evaluate(
          { ...statement, body: this.#printing(statement.body) } as Node,
          scope,
        );
      case "Print":
        return valueOf(this.#block([statement.statement as Node], scope));
      case "BinaryExpression":
        return this.#binary(statement, scope) ?? super.evaluate(statement, scope);
      case "CallExpression":
        return this.#method(statement, scope) ?? super.evaluate(statement, scope);
      case "FilterExpression":
        // The first of no items is not even undefined.
        return this.#filter(statement, scope) ?? valueOf(undefined);
      case "MemberExpression": {
        const object = this.evaluate(statement.object as Node, scope);
        if (object.type !== "UndefinedValue") {
          return super.evaluate({ ...statement, object: constant(object) } as Node, scope);
        }
        throw new Error(`${describe(statement.object as Node)} is undefined`);
      }
      case "Constant":
        return statement.constant as Value;
      case "TestExpression":
        return this.#test(statement, scope) ?? super.evaluate(statement, scope);
      default:
        return super.evaluate(statement, scope);
    }
  }

  /** Runs statements; what they give is printed. */
  #block(statements: readonly Node[], scope: Environment): string {
    let written = "";
    for (const statement of statements) {
      try {
        const value = this.evaluate(statement, scope);
        written += SILENT.has(statement.type) ? "" : printed(value);
      } catch (error) {
        if (!(error instanceof LoopControl)) throw error;
        throw new LoopControl(error.ends, written + error.written);
      }
      checkLength(written);
    }
    return written;
  }

  /** Statements whose values the package's own interpreter can join as texts. */
  #printing(body: unknown): Node[] {
    return (body as Node[]).map((statement) => ({ type: "Print", statement }) as unknown as Node);
  }

  /** A loop: variables that its body sets are gone in the next iteration. */
  #loop(node: Node, outer: Environment): string {
    const { loopvar, body, defaultBlock } = node as unknown as {
      loopvar: Node;
      body: Node[];
      defaultBlock: Node[];
    };
    const selected = (node.iterable as Node).type === "SelectExpression";
    const iterable = node.iterable as Node & { lhs: Node; test: Node };
    const scopes = itemsOf(this.evaluate(selected ? iterable.lhs : iterable, outer))
      .map((item) => ({ item, scope: withVariables(outer, loopvar, item) }))
      .filter(({ scope }) => !selected || this.evaluate(iterable.test, scope).__bool__().value);
    const count = scopes.length;
    let written = "";
    for (const [index, { scope }] of scopes.entries()) {
      const loop = valueOf({
        index: index + 1,
        index0: index,
        revindex: count - index,
        revindex0: count - index - 1,
        first: index === 0,
        last: index === count - 1,
        length: count,
      });
      const variables = loop.value as Map<string, Value>;
      variables.set("previtem", scopes[index - 1]?.item ?? valueOf(undefined));
      variables.set("nextitem", scopes[index + 1]?.item ?? valueOf(undefined));
      scope.setVariable("loop", loop);
      try {
        written += this.#block(body, scope);
      } catch (error) {
        if (!(error instanceof LoopControl)) throw error;
        written += error.written;
        if (error.ends) break;
      }
      checkLength(written);
    }
    return count === 0 ? this.#block(defaultBlock, outer) : written;
  }

  /** Operators that the package has otherwise. */
  #binary(node: Node, scope: Environment): Value | null {
    const { operator: { value: operator }, left, right } = node as unknown as {
      operator: { value: string };
      left: Node;
      right: Node;
    };
    if (!["==", "!=", "~", "+", "in", "not in"].includes(operator)) return null;
    const [a, b] = [this.evaluate(left, scope), this.evaluate(right, scope)];
    switch (operator) {
      case "==":
        return valueOf(equal(a, b));
      case "!=":
        return valueOf(!equal(a, b));
      case "~":
        return valueOf(checkLength(printed(a) + printed(b)));
    }
    if (operator !== "+" && Array.isArray(b.value)) {
      return valueOf((b.value as Value[]).some((item) => equal(item, a)) === (operator === "in"));
    }
    if (operator === "+" && (a.type === "StringValue") !== (b.type === "StringValue")) {
      throw new Error(`${nameOf(a)} and ${nameOf(b)} cannot be added`);
    }
    if (a.type === "StringValue" && b.type === "StringValue" && operator === "+") {
      return valueOf(checkLength(`${a.value}${b.value}`));
    }
    return super.evaluate({ ...node, left: constant(a), right: constant(b) } as Node, scope);
  }

  /** Calls a text's method, null for other calls. */
  #method(node: Node, scope: Environment): Value | null {
    const callee = node.callee as Node;
    if (callee.type !== "MemberExpression" || callee.computed) return null;
    const name = String((callee.property as Node).value);
    const method = Object.hasOwn(METHODS, name) ? METHODS[name] : null;
    if (!method) return null;
    const value = this.evaluate(callee.object as Node, scope);
    if (value.type !== "StringValue") return null;
    const args = (node.args as Node[]).map((argument) => this.evaluate(argument, scope));
    return valueOf(method(value.value as string, args));
  }

  #filter(node: Node, scope: Environment): Value {
    const value = this.evaluate(node.operand as Node, scope);
    const filter = node.filter as Node;
    const [name, args] = filter.type === "CallExpression"
      ? [(filter.callee as Node).value, filter.args as Node[]]
      : [filter.value, []];
    if (name === "string") return valueOf(printed(value));
    const text = name === "trim" ? valueOf(printed(value)) : value;
    if (text.type === "StringValue" && Object.hasOwn(FILTERS, String(name))) {
      const method = FILTERS[String(name)];
      return valueOf(method(text.value as string, args.map((arg) => this.evaluate(arg, scope))));
    }
    return super.evaluate({ ...node, operand: constant(value) } as Node, scope);
  }

  #test(node: Node, scope: Environment): Value | null {
    if ((node.test as Node).value !== "iterable") return null;
    const { type } = this.evaluate(node.operand as Node, scope);
    const iterable = ["ArrayValue", "TupleValue", "StringValue", "ObjectValue"].includes(type);
    return valueOf(iterable !== node.negate);
  }
}

/** Statements that write nothing. */
const SILENT: ReadonlySet<string> = new Set(["Set", "Macro", "Comment"]);

/** Node that evaluates to a value. */
function constant(value: Value): Node {
  return { type: "Constant", constant: value } as unknown as Node;
}

/** Expression of a variable or of one of its entries, as far as it is simple. */
function describe({ type, value, object, property }: Node): string {
  if (type === "Identifier") return String(value);
  if (type !== "MemberExpression") return "a value";
  const name = (property as Node).value;
  return `${describe(object as Node)}.${typeof name === "string" ? name : "…"}`;
}

function checkLength(text: string): string {
  if (text.length <= MAX_LENGTH) return text;
  throw new Error(`it writes more than ${MAX_LENGTH} characters`);
}

/** Items that a loop goes over. */
function itemsOf(value: Value): Value[] {
  if (Array.isArray(value.value)) return value.value as Value[];
  if (value.type === "ObjectValue") {
    return Array.from((value.value as Map<string, Value>).keys(), valueOf);
  }
  if (value.type === "StringValue") return Array.from(value.value as string, valueOf);
  if (value.type === "UndefinedValue") return [];
  throw new Error(`${nameOf(value)} cannot be iterated over`);
}

/** Scope of an iteration. */
function withVariables(outer: Environment, target: Node, item: Value): Environment {
  const scope = new Environment(outer);
  if (target.type !== "TupleLiteral") {
    scope.setVariable(String(target.value), item);
    return scope;
  }
  const [names, items] = [target.value as Node[], itemsOf(item)];
  if (names.length !== items.length) {
    throw new Error(`${items.length} values for ${names.length} variables of a loop`);
  }
  names.forEach(({ value }, i) => scope.setVariable(String(value), items[i]));
  return scope;
}
