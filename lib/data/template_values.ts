/** Values of a template while it is rendered, and what Python makes of them. */
import { Environment } from "../packages/jinja.ts";
import { quote } from "./python_text.ts";

/** A value of the interpreter. */
export type Value = ReturnType<Environment["lookupVariable"]>;

/** Class of the package's values that hold JSON values of this kind; it does not export them. */
function classOf<Json>(sample: Json): new (json: Json) => Value {
  return new Environment().set("value", sample).constructor as new (json: Json) => Value;
}

const StringValue = classOf("");
const BooleanValue = classOf(true);
const UndefinedValue = classOf(undefined);

/** Makes a value of a JSON value; undefined is Jinja's Undefined. */
export function valueOf(json: unknown): Value {
  // An environment for each would take most of a template's time.
  if (typeof json === "string") return new StringValue(json);
  if (typeof json === "boolean") return new BooleanValue(json);
  if (json === undefined) return new UndefinedValue(json);
  return new Environment().set("value", json);
}

/** Text of a value. @throws {Error} where it is not a text, with what it is */
export function textOf(value: Value, what: string): string {
  if (value.type === "StringValue") return value.value as string;
  throw new Error(`${what} is ${nameOf(value)}, expected a text`);
}

/** Name of a value's type as Python has it. */
export function nameOf({ type }: Value): string {
  return {
    IntegerValue: "int",
    FloatValue: "float",
    StringValue: "str",
    BooleanValue: "bool",
    NullValue: "None",
    UndefinedValue: "undefined",
    ArrayValue: "list",
    TupleValue: "tuple",
    ObjectValue: "dict",
  }[type] ?? "a function";
}

/** Text that Python prints for a value: `str(value)`; nothing for what is undefined. */
export function printed(value: Value): string {
  return value.type === "StringValue" ? value.value as string : represented(value);
}

/** Python's `repr(value)`. */
function represented(value: Value): string {
  switch (value.type) {
    case "StringValue":
      return quote(value.value as string);
    case "BooleanValue":
      return value.value ? "True" : "False";
    case "NullValue":
      return "None";
    case "UndefinedValue":
      return "";
    case "ArrayValue":
      return `[${(value.value as Value[]).map(represented).join(", ")}]`;
    case "TupleValue": {
      const items = (value.value as Value[]).map(represented);
      return `(${items.join(", ")}${items.length === 1 ? "," : ""})`;
    }
    case "ObjectValue": {
      const entries = Array.from(
        value.value as Map<string, Value>,
        ([key, item]) => `${quote(key)}: ${represented(item)}`,
      );
      return `{${entries.join(", ")}}`;
    }
    default:
      return value.toString();
  }
}

/** Python's `a == b`: numbers and booleans by their value, lists and dictionaries by their items. */
export function equal(a: Value, b: Value): boolean {
  if (isNumeric(a) && isNumeric(b)) return Number(a.value) === Number(b.value);
  if (a.type !== b.type) return false;
  if (Array.isArray(a.value)) {
    const [left, right] = [a.value as Value[], b.value as Value[]];
    return left.length === right.length && left.every((item, i) => equal(item, right[i]));
  }
  if (a.value instanceof Map && a.type === "ObjectValue") {
    const [left, right] = [a.value as Map<string, Value>, b.value as Map<string, Value>];
    return left.size === right.size &&
      left.entries().every(([key, item]) => right.has(key) && equal(item, right.get(key)!));
  }
  return a.value === b.value;
}

function isNumeric({ type }: Value): boolean {
  return type === "IntegerValue" || type === "FloatValue" || type === "BooleanValue";
}
