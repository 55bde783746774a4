// Loads the page's script once the page is shown: evaluating it takes longer than the whole first frame.
const load = () => import("./client.js");
const isShown = (list) => list.getEntriesByName("first-contentful-paint").length > 0;
// A tab in the background draws no frame, and some browsers do not tell when they have drawn one.
if (document.hidden) load();
new PerformanceObserver((list) => isShown(list) && load()).observe({
  type: "paint",
  buffered: true,
});
requestAnimationFrame(() => setTimeout(load, 1000));
