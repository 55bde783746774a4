// Loads the page's script once the page is shown: evaluating it takes longer than the whole first frame.
// What is typed, chosen or clicked before that is done again when the script is there.
const EARLY = ["input", "change", "click", "submit"];
const early = [];
const keep = (event) => {
  if (!event.target.closest("[data-island]")) return;
  if (event.type === "submit") event.preventDefault();
  const { type, target } = event;
  early.push({ type, target, value: target.value, checked: target.checked });
};
for (const type of EARLY) addEventListener(type, keep, true);
const load = async () => {
  await import("./client.js");
  for (const type of EARLY) removeEventListener(type, keep, true);
  for (const { type, target, ...field } of early.splice(0)) {
    if (type === "click") target.closest("button[type=button]")?.click();
    else if (type === "submit") target.requestSubmit();
    else {
      // The script has put its own values there. Nobody may set a picked file again, nor has to.
      if (target.type !== "file") Object.assign(target, field);
      target.dispatchEvent(new Event(type, { bubbles: true }));
    }
  }
};
const isShown = (list) => list.getEntriesByName("first-contentful-paint").length > 0;
// A tab in the background draws no frame, and some browsers do not tell when they have drawn one.
if (document.hidden) load();
new PerformanceObserver((list) => isShown(list) && load()).observe({
  type: "paint",
  buffered: true,
});
requestAnimationFrame(() => setTimeout(load, 1000));
