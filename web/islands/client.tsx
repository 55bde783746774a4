import { type ComponentType, h, hydrate } from "preact";
import { type IslandName, ISLANDS } from "./registry.ts";

// Entry of static/client.js, which static/start.js loads: makes the page's islands interactive.
for (const element of document.querySelectorAll<HTMLElement>("[data-island]")) {
  const component = ISLANDS[element.dataset.island as IslandName] as ComponentType;
  hydrate(h(component, JSON.parse(element.dataset.props ?? "{}")), element);
  element.dataset.hydrated = "";
}
