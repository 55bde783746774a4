/**
 * Methods of Python's str, for what transformers and chat templates do with texts: JavaScript's own
 * differ in what they take for white space.
 */

/** White space of Python's `str.strip`: str.isspace in the Unicode of CPython 3. */
const SPACE =
  "\t\n\v\f\r\x1c\x1d\x1e\x1f \x85\xa0\u1680\u2000\u2001\u2002\u2003\u2004\u2005\u2006\u2007\u2008" +
  "\u2009\u200a\u2028\u2029\u202f\u205f\u3000";

/** Ends of a text that are stripped. */
export type Side = "both" | "left" | "right";

/** Python's `strip`, `lstrip` and `rstrip`: drops the characters of a set, by default white space, from a text's ends. */
export function strip(text: string, side: Side = "both", characters: string = SPACE): string {
  const set = new Set(characters);
  // A character beyond the basic plane is two units, which are taken or left together.
  const all = Array.from(text);
  let [start, end] = [0, all.length];
  if (side !== "right") { while (start < end && set.has(all[start])) start++; }
  if (side !== "left") { while (end > start && set.has(all[end - 1])) end--; }
  return all.slice(start, end).join("");
}

/** Python's `str.capitalize`: the first character in upper case, the others in lower case. */
export function capitalize(text: string): string {
  const [first = "", ...rest] = text;
  return first.toUpperCase() + rest.join("").toLowerCase();
}

const ESCAPES: Readonly<Record<string, string>> = {
  "\\": "\\\\",
  "\n": "\\n",
  "\r": "\\r",
  "\t": "\\t",
};

/** Python's `repr` of a text. */
export function quote(text: string): string {
  const mark = text.includes("'") && !text.includes('"') ? '"' : "'";
  const escaped = Array.from(text, (character) => {
    if (character === mark) return `\\${mark}`;
    const known = ESCAPES[character];
    if (known !== undefined) return known;
    const code = character.codePointAt(0)!;
    return code < 0x20 || code === 0x7f ? `\\x${code.toString(16).padStart(2, "0")}` : character;
  }).join("");
  return mark + escaped + mark;
}

const DAYS = ["Sunday", "Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday"];
const MONTHS = [
  "January",
  "February",
  "March",
  "April",
  "May",
  "June",
  "July",
  "August",
  "September",
  "October",
  "November",
  "December",
];

/** Python's `strftime` in the C locale; what it does not know stays as it is. */
export function strftime(date: Date, format: string): string {
  const two = (value: number) => String(value).padStart(2, "0");
  const hour12 = (date.getHours() + 11) % 12 + 1;
  const [day, month] = [DAYS[date.getDay()], MONTHS[date.getMonth()]];
  const fields: Record<string, () => string> = {
    a: () => day.slice(0, 3),
    A: () => day,
    b: () => month.slice(0, 3),
    B: () => month,
    d: () => two(date.getDate()),
    e: () => String(date.getDate()).padStart(2),
    H: () => two(date.getHours()),
    I: () => two(hour12),
    j: () => String(dayOfYear(date)).padStart(3, "0"),
    m: () => two(date.getMonth() + 1),
    M: () => two(date.getMinutes()),
    p: () => date.getHours() < 12 ? "AM" : "PM",
    S: () => two(date.getSeconds()),
    w: () => String(date.getDay()),
    y: () => two(date.getFullYear() % 100),
    Y: () => String(date.getFullYear()),
    F: () => `${date.getFullYear()}-${two(date.getMonth() + 1)}-${two(date.getDate())}`,
    T: () => `${two(date.getHours())}:${two(date.getMinutes())}:${two(date.getSeconds())}`,
    "%": () => "%",
  };
  // "%-d" is glibc's %d without a zero before it.
  return format.replaceAll(
    /%(-?)([a-zA-Z%])/g,
    (whole, bare, field) => {
      const text = fields[field]?.() ?? whole;
      return bare ? text.replace(/^[0 ]+(?=\d)/, "") : text;
    },
  );
}

/** Number of a day in its year, from 1. */
function dayOfYear(date: Date): number {
  const days = (month: number, day: number) =>
    Date.UTC(date.getFullYear(), month, day) / 86_400_000;
  return days(date.getMonth(), date.getDate()) - days(0, 0);
}
