/** A number with its noun, which has an s but for 1: "1 reward", "2 rewards". */
export function counted(count: number, noun: string): string {
  return `${count} ${noun}${count === 1 ? "" : "s"}`;
}
