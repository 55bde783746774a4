/** Peak resident memory of this process, in bytes (Linux); elsewhere the current one. */
export function peakProcessMemory(): number {
  try {
    const [, kib] = Deno.readTextFileSync("/proc/self/status").match(/VmHWM:\s+(\d+) kB/)!;
    return Number(kib) * 1024;
  } catch {
    return Deno.memoryUsage().rss;
  }
}
