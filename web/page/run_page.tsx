import type { ComponentChildren, JSX } from "preact";
import { Island } from "./island.tsx";
import type { RunOverview } from "../shared/overview.ts";
import { runPath } from "../shared/paths.ts";

/** The pages of a run: end of the address, and name. */
const TABS = [
  ["", "Training"],
  ["/samples", "Samples"],
  ["/comparison", "Before and after"],
  ["/settings", "Settings"],
  ["/try", "Try it"],
] as const;

/** What every page of a run has on top: its name, what it is doing, and the way to the others. */
export function RunPage(
  { run, tab, children }: {
    run: RunOverview;
    tab: typeof TABS[number][0];
    children: ComponentChildren;
  },
): JSX.Element {
  return (
    <>
      <Island name="RunStatus" props={{ run }} />
      <nav class="tabs" aria-label={`Pages of ${run.name}`}>
        {TABS.map(([path, title]) => (
          <a href={runPath(run.id) + path} aria-current={path === tab ? "page" : undefined}>
            {title}
          </a>
        ))}
      </nav>
      {children}
    </>
  );
}
