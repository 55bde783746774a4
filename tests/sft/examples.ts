import { fileURLToPath } from "node:url";
import { readTable } from "../../lib/data/table.ts";
import { Tokenizer } from "../../lib/data/tokenizer.ts";
import type { SupervisedExample } from "../../lib/sft/supervised_pass.ts";

/** Folder of the demo's model. */
export const MODEL: string = fileURLToPath(new URL("../../demo/tiny-flan-t5", import.meta.url));
const DIALOGUES = fileURLToPath(new URL("../../demo/dialogues/test.csv", import.meta.url));

/** Topics of the ends of demo dialogues: a task that the demo's model has not learnt. */
export async function topicExamples(count: number): Promise<SupervisedExample[]> {
  const tokenizer = await Tokenizer.load(MODEL);
  const { rows } = await readTable(DIALOGUES);
  return rows.slice(0, count).map(({ dialogue, topic }) => ({
    inputIds: tokenizer.encode(String(dialogue).slice(-60)),
    labels: tokenizer.encode(String(topic)),
  }));
}
