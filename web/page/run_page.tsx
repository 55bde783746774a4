import type { ComponentChildren, JSX } from "preact";
import type { RunOverview } from "../shared/overview.ts";
import { runPath, type RunTab } from "../shared/paths.ts";
import { Island } from "./island.tsx";

const TITLES: Record<RunTab, string> = {
  "": "Training",
  "/samples": "Samples",
  "/comparison": "Before and after",
  "/settings": "Settings",
  "/try": "Try it",
};

/** Frame of every page of a run: its name, its state, and links to its other pages. */
export function RunPage(
  { run, tabs, tab, children }: {
    run: RunOverview;
    /** Pages to link to. */
    tabs: readonly RunTab[];
    /** This page. */
    tab: RunTab;
    children: ComponentChildren;
  },
): JSX.Element {
  return (
    <>
      <Island name="RunStatus" props={{ run }} />
      <nav class="tabs" aria-label={`Pages of ${run.name}`}>
        {tabs.map((path) => (
          <a href={runPath(run.id, path)} aria-current={path === tab ? "page" : undefined}>
            {TITLES[path]}
          </a>
        ))}
      </nav>
      {children}
    </>
  );
}
