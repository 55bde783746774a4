import { type ComponentType, h, hydrate } from "preact";
import { type IslandName, ISLANDS } from "./registry.ts";

// Entry of static/client.js: makes the page's islands interactive, once it shows what its HTML says.
await shown();
for (const element of document.querySelectorAll<HTMLElement>("[data-island]")) {
  const component = ISLANDS[element.dataset.island as IslandName] as ComponentType;
  hydrate(h(component, JSON.parse(element.dataset.props ?? "{}")), element);
  element.dataset.hydrated = "";
}

/** Waits for the first frame, which a tab in the background does not draw. */
function shown(): Promise<void> {
  if (document.hidden) return Promise.resolve();
  return new Promise((resolve) => requestAnimationFrame(() => setTimeout(resolve)));
}
