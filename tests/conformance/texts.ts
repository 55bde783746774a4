import { Random } from "../../lib/random.ts";

const FIXED = [
  "Hello world",
  "don't WON'T I'll they've 'S",
  "1234567890 12 3.14 ①Ⅷ½",
  "日本語 и русский العربية हिन्दी ไทย",
  "😀👩‍👩‍👧‍👦🏳️‍🌈 🇨🇭",
  "\t\t x\r\n\r\n y \n\n\n",
  "x = f(y)[0] != {\"k\": 'v'}\n    return   z",
  "E=mc² …“quotes”—dash",
  "trailing   ",
  "   a   b    c",
  "........ -----=====",
  "http://www.example.com/a?b=c&d=%20",
  "\u00a0nbsp\u2003em\u3000wide",
  "cafe\u0301 \u200b \x00\x01",
  "a".repeat(100) + " ".repeat(50) + "ab".repeat(60),
];

const PIECES = Array.from(
  "abcdefgHIJ0123456789    \n\n\t.,!?'\"()-_=/éüñßд中文日😀",
).concat(["the ", " and", "ing", "'s", "http", "\r\n"]);

/** Texts of many kinds: fixed ones, and others drawn from pieces. */
export function sampleTexts(): string[] {
  const random = new Random(7);
  const piece = () => PIECES[random.uint32() % PIECES.length];
  const drawn = Array.from(
    { length: 200 },
    () => Array.from({ length: 1 + random.uint32() % 40 }, piece).join(""),
  );
  return [...FIXED, ...drawn];
}
