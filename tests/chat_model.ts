import { join } from "node:path";
import { demoModelDir } from "./demo_model.ts";

/** Makes a folder of the demo's T5 as a model that chats, by a chat template of its own. */
export async function writeChatModel(folder: string): Promise<void> {
  for await (const { name } of Deno.readDir(demoModelDir)) {
    await Deno.symlink(join(demoModelDir, name), join(folder, name));
  }
  const template = "{% for m in messages %}{{ m.role }}: {{ m.content }}\n{% endfor %}</s>";
  await Deno.writeTextFile(join(folder, "chat_template.jinja"), template);
}
