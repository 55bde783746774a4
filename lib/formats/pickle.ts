import { UserError } from "../errors.ts";
import { OPCODE_NAMES } from "./pickle_opcodes.ts";

/**
 * Python value: None is null, list and tuple are arrays, a dict is a Map; other objects are what
 * the hooks made.
 */
export type PickleValue = unknown;

/** Globals and objects that a pickle may use beyond plain data. */
export interface PickleHooks {
  /**
   * Looks a global up; null when it is not allowed. The pickle can call a function, which gets the
   * arguments as one array.
   */
  global(module: string, name: string): PickleValue | null;
  /** Looks up the object of a persistent id. @throws UserError when there is none. */
  persistent(id: PickleValue): PickleValue;
}

/**
 * Reads a pickle (Python's Lib/pickle.py, protocols 2 to 4) of plain containers, numbers and
 * strings. No code of the pickle's choosing runs: all globals come from `hooks`, and any opcode
 * that makes other objects is refused by its name.
 *
 * @param path of the file, for messages.
 * @throws UserError for anything that is broken or not allowed.
 */
export function unpickle(path: string, bytes: Uint8Array, hooks: PickleHooks): PickleValue {
  return new Unpickler(path, bytes, hooks).load();
}

class Unpickler {
  readonly #view: DataView;
  readonly #stack: PickleValue[] = [];
  /** Stack positions of the open MARKs. */
  readonly #marks: number[] = [];
  readonly #memo = new Map<number, PickleValue>();
  #at = 0;

  constructor(
    private readonly path: string,
    private readonly bytes: Uint8Array,
    private readonly hooks: PickleHooks,
  ) {
    this.#view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  }

  load(): PickleValue {
    while (true) {
      const opcode = this.#uint8();
      const name = OPCODE_NAMES.get(opcode);
      switch (name) {
        case "STOP":
          return this.#pop();
        case "PROTO":
          this.#skip(1);
          break;
        case "FRAME":
          this.#skip(8);
          break;
        case "MARK":
          this.#marks.push(this.#stack.length);
          break;
        case "NONE":
          this.#stack.push(null);
          break;
        case "NEWTRUE":
          this.#stack.push(true);
          break;
        case "NEWFALSE":
          this.#stack.push(false);
          break;
        case "BININT":
          this.#stack.push(this.#view.getInt32(this.#skip(4), true));
          break;
        case "BININT1":
          this.#stack.push(this.#uint8());
          break;
        case "BININT2":
          this.#stack.push(this.#view.getUint16(this.#skip(2), true));
          break;
        case "LONG1":
          this.#stack.push(this.#long(this.#uint8()));
          break;
        case "BINFLOAT":
          this.#stack.push(this.#view.getFloat64(this.#skip(8)));
          break;
        case "SHORT_BINUNICODE":
          this.#stack.push(this.#text(this.#uint8()));
          break;
        case "BINUNICODE":
          this.#stack.push(this.#text(this.#uint32()));
          break;
        case "EMPTY_DICT":
          this.#stack.push(new Map());
          break;
        case "EMPTY_LIST":
        case "EMPTY_TUPLE":
          this.#stack.push([]);
          break;
        case "TUPLE":
          this.#stack.push(this.#popToMark());
          break;
        case "TUPLE1":
        case "TUPLE2":
        case "TUPLE3":
          this.#stack.push(this.#popCount(opcode - 0x84));
          break;
        case "APPEND":
          this.#extendList([this.#pop()]);
          break;
        case "APPENDS":
          this.#extendList(this.#popToMark());
          break;
        case "SETITEM":
          this.#extendDict(this.#popCount(2));
          break;
        case "SETITEMS":
          this.#extendDict(this.#popToMark());
          break;
        case "BINPUT":
          this.#memo.set(this.#uint8(), this.#top());
          break;
        case "LONG_BINPUT":
          this.#memo.set(this.#uint32(), this.#top());
          break;
        case "MEMOIZE":
          this.#memo.set(this.#memo.size, this.#top());
          break;
        case "BINGET":
          this.#stack.push(this.#recall(this.#uint8()));
          break;
        case "LONG_BINGET":
          this.#stack.push(this.#recall(this.#uint32()));
          break;
        case "GLOBAL":
          this.#stack.push(this.#global(this.#line(), this.#line()));
          break;
        case "STACK_GLOBAL": {
          const [module, attribute] = this.#popCount(2);
          if (typeof module !== "string" || typeof attribute !== "string") {
            throw this.#broken("names a global by what is not text");
          }
          this.#stack.push(this.#global(module, attribute));
          break;
        }
        case "BINPERSID":
          this.#stack.push(this.hooks.persistent(this.#pop()));
          break;
        case "REDUCE": {
          const [callee, args] = this.#popCount(2);
          if (typeof callee !== "function" || !Array.isArray(args)) {
            throw this.#broken("calls what is not a function");
          }
          this.#stack.push(callee(args));
          break;
        }
        case "BUILD":
          // An OrderedDict's attributes: a state_dict's _metadata, which says nothing of its tensors.
          this.#pop();
          if (!(this.#top() instanceof Map)) throw this.#broken("sets attributes of no dict");
          break;
        default:
          throw new UserError(
            `${this.path}: pickle opcode ${name ?? `0x${opcode.toString(16)}`} at byte ${
              this.#at - 1
            } is not allowed: only tensors and containers are read`,
          );
      }
    }
  }

  /** Moves on by `count` bytes. Returns their position. */
  #skip(count: number): number {
    const at = this.#at;
    if (at + count > this.bytes.length) throw this.#broken("ends before its STOP");
    this.#at += count;
    return at;
  }

  #uint8(): number {
    return this.bytes[this.#skip(1)];
  }

  #uint32(): number {
    return this.#view.getUint32(this.#skip(4), true);
  }

  #text(length: number): string {
    const at = this.#skip(length);
    return new TextDecoder().decode(this.bytes.subarray(at, at + length));
  }

  #line(): string {
    const end = this.bytes.indexOf(0x0a, this.#at);
    const text = this.#text((end < 0 ? this.bytes.length : end) - this.#at);
    this.#skip(1);
    return text;
  }

  /**
   * Decodes a two's complement integer, little-endian; a bigint where a number would not be exact.
   */
  #long(length: number): number | bigint {
    const at = this.#skip(length);
    let value = 0n;
    for (let i = 0; i < length; i++) value |= BigInt(this.bytes[at + i]) << BigInt(8 * i);
    const integer = BigInt.asIntN(8 * length, value);
    const number = Number(integer);
    return Number.isSafeInteger(number) ? number : integer;
  }

  #pop(): PickleValue {
    return this.#popCount(1)[0];
  }

  #top(): PickleValue {
    const value = this.#pop();
    this.#stack.push(value);
    return value;
  }

  /** Takes the last `count` values above the last MARK. */
  #popCount(count: number): PickleValue[] {
    if (this.#stack.length - count < (this.#marks.at(-1) ?? 0)) {
      throw this.#broken("takes more from its stack than is there");
    }
    return this.#stack.splice(this.#stack.length - count);
  }

  #popToMark(): PickleValue[] {
    const mark = this.#marks.pop();
    if (mark === undefined) throw this.#broken("has no MARK where one is expected");
    return this.#stack.splice(mark);
  }

  #extendList(values: PickleValue[]): void {
    const list = this.#top();
    if (!Array.isArray(list)) throw this.#broken("appends to what is not a list");
    for (const value of values) list.push(value);
  }

  #extendDict(items: PickleValue[]): void {
    const dict = this.#top();
    if (!(dict instanceof Map)) throw this.#broken("sets an item of what is not a dict");
    if (items.length % 2 > 0) throw this.#broken("has a key without a value");
    for (let i = 0; i < items.length; i += 2) dict.set(items[i], items[i + 1]);
  }

  #recall(key: number): PickleValue {
    if (!this.#memo.has(key)) throw this.#broken(`recalls memo ${key}, which was never put`);
    return this.#memo.get(key);
  }

  #global(module: string, name: string): PickleValue {
    const value = this.hooks.global(module, name);
    if (value !== null) return value;
    throw new UserError(
      `${this.path}: global ${JSON.stringify(`${module}.${name}`)} at byte ${this.#at} is not ` +
        "allowed: only tensors and containers are read",
    );
  }

  #broken(what: string): UserError {
    return new UserError(`${this.path} is broken: its pickle ${what} (byte ${this.#at})`);
  }
}
