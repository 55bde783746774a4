/**
 * Takes the dialogue out of a prompt: what the template leaves. Tokenizers squeeze white space, so
 * that of the template does not count.
 */
export function dialogueOf(query: string, template: string): string {
  const [before = "", after = ""] = template.split("{dialogue}").map((text) =>
    text.replace(/\s+/g, " ").trim()
  );
  let dialogue = query.replace(/<\/s>$/, "").trim();
  if (dialogue.startsWith(before)) dialogue = dialogue.slice(before.length);
  if (after !== "" && dialogue.endsWith(after)) dialogue = dialogue.slice(0, -after.length);
  return dialogue.trim();
}
