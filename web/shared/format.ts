/** Text in place of a missing number. */
const NOTHING = "–";

/** Formats a number with about four significant digits, small ones in powers of ten. */
export function formatNumber(value: number | null | undefined): string {
  if (value === null || value === undefined || !Number.isFinite(value)) return NOTHING;
  const size = Math.abs(value);
  if (value === 0) return "0";
  if (size < 1e-3) return minus(value.toExponential(2));
  if (size >= 1e5) return minus(Math.round(value).toLocaleString("en"));
  return minus(value.toFixed(Math.max(0, Math.min(4, 3 - Math.floor(Math.log10(size))))));
}

/**
 * Formats numbers to be compared with the same decimals, about four significant digits of the largest
 * one; a number that would be lost to rounding is formatted by itself.
 */
export function formatAlike(values: readonly number[]): string[] {
  const largest = Math.max(...values.map(Math.abs));
  const digits = Math.max(0, Math.min(4, 3 - Math.floor(Math.log10(largest))));
  if (!(largest >= 1e-3) || largest >= 1e5) return values.map(formatNumber);
  return values.map((value) => {
    const text = formatFixed(value, digits);
    return value !== 0 && Number(value.toFixed(digits)) === 0 ? formatNumber(value) : text;
  });
}

/** Formats a number of an axis, as short as possible. */
export function formatTick(value: number): string {
  return minus(String(Number(value.toPrecision(6)))).replace(/(\d)000$/, "$1k");
}

/** Formats a number with a fixed number of decimals. */
export function formatFixed(value: number | null | undefined, digits: number): string {
  if (value === null || value === undefined || !Number.isFinite(value)) return NOTHING;
  return minus(value.toFixed(digits));
}

/** Formats a difference, with its sign; one that rounds to zero has both signs. */
export function formatChange(value: number, digits: number): string {
  if (Number(value.toFixed(digits)) === 0) return "±" + (0).toFixed(digits);
  return (value > 0 ? "+" : "") + formatFixed(value, digits);
}

/** Formats the change from one value to another in percent; empty for a change from zero. */
export function formatPercentChange(before: number, after: number): string {
  if (before === 0) return "";
  const percent = (after - before) / before * 100;
  return `${formatChange(percent, Math.abs(percent) < 100 ? 1 : 0)}\u00a0%`;
}

/** Formats a duration: `42 s`, `3 min 20 s`, `2 h 5 min`. */
export function formatSeconds(seconds: number | null): string {
  if (seconds === null || !Number.isFinite(seconds)) return NOTHING;
  if (seconds < 10) return `${seconds.toFixed(1)} s`;
  const whole = Math.round(seconds);
  if (whole < 60) return `${whole} s`;
  const minutes = Math.floor(whole / 60);
  if (minutes < 60) return `${minutes} min ${whole % 60} s`;
  const hours = Math.floor(minutes / 60);
  return hours < 48 ? `${hours} h ${minutes % 60} min` : `${(hours / 24).toFixed(1)} days`;
}

/** Formats a time as `2023-08-31 17:45`, in the local time zone. */
export function formatMoment(milliseconds: number): string {
  const date = new Date(milliseconds);
  const two = (value: number) => String(value).padStart(2, "0");
  return `${date.getFullYear()}-${two(date.getMonth() + 1)}-${two(date.getDate())} ` +
    `${two(date.getHours())}:${two(date.getMinutes())}`;
}

/** Formats a count with its noun: `1 run`, `1,024 runs`. */
export function formatCount(count: number, noun: string): string {
  return `${count.toLocaleString("en")} ${noun}${count === 1 ? "" : "s"}`;
}

/** Capitalizes the first letter of a text. */
export function capitalized(text: string): string {
  return text.charAt(0).toUpperCase() + text.slice(1);
}

/** A label as a heading: words are capitalized, names of files and models stay as they are. */
export function heading(label: string): string {
  return /^[a-z ]+$/i.test(label) ? capitalized(label) : label;
}

/** Last part of a path; the whole where it has one part. */
export function lastName(path: string): string {
  return path.split(/[\\/]/).filter((part) => part !== "").at(-1) ?? path;
}

function minus(text: string): string {
  return text.replace("-", "−");
}

/** Class of a difference as it is shown: one that rounds to zero is neither better nor worse. */
export function verdictOf(difference: number): "better" | "worse" | undefined {
  if (formatChange(difference, 3).startsWith("±")) return undefined;
  return difference > 0 ? "better" : "worse";
}
