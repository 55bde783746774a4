import { createRequire } from "node:module";
import type { Page } from "playwright-core";

/** A violation that axe-core finds. */
interface Violation {
  id: string;
  impact: string;
  nodes: { html: string; failureSummary: string }[];
}

/** Serious violations that axe-core finds on a page. */
export async function seriousViolations(page: Page): Promise<string[]> {
  await page.evaluate(Deno.readTextFileSync(createRequire(import.meta.url).resolve("axe-core")));
  const violations: Violation[] = await page.evaluate(
    "axe.run({ resultTypes: ['violations'] }).then(({ violations }) => violations)",
  );
  return violations.filter(({ impact }) => ["serious", "critical"].includes(impact))
    .map(({ id, nodes }) => `${id}: ${nodes[0].html} ${nodes[0].failureSummary}`);
}
