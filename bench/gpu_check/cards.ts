/**
 * f32 peak of cards in TFLOPS, without tensor cores, as their makers' data sheets state it. The first
 * name that matches counts.
 */
const PEAKS: readonly (readonly [name: RegExp, tflops: number])[] = [
  [/\bH[12]00\b.*\bPCIe\b/, 51],
  [/\bH100 NVL\b/, 60],
  [/\bH[12]00\b/, 67],
  [/\bA100\b/, 19.5],
  [/\bA10\b/, 31.2],
  [/\bA30\b/, 10.3],
  [/\bA40\b/, 37.4],
  [/\bL4\b/, 30.3],
  [/\bL40S\b/, 91.6],
  [/\bL40\b/, 90.5],
  [/\bT4\b/, 8.1],
  [/\bV100\b/, 15.7],
  [/\bRTX A6000\b/, 38.7],
  [/\bRTX 5090\b/, 104.8],
  [/\bRTX 4090\b/, 82.6],
  [/\bRTX 4080 SUPER\b/, 52.2],
  [/\bRTX 4080\b/, 48.7],
  [/\bRTX 3090 Ti\b/, 40],
  [/\bRTX 3090\b/, 35.6],
  [/\bRTX 3060\b/, 12.7],
  [/\bMI300X\b/, 163.4],
  [/\bMI210\b/, 22.6],
  [/\bRX 7900 XTX\b/, 61.4],
  [/\bRX 6900 XT\b/, 23],
];

/** Stated f32 peak of a card, in TFLOPS; null for one that is not in the table. */
export function statedPeak(card: string): number | null {
  return PEAKS.find(([name]) => name.test(card))?.[1] ?? null;
}
