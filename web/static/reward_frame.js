// Script of the frame in which a reward of the user's is computed. The frame has an origin of its
// own, and a policy that forbids every connection, which its worker inherits. Whoever removes the
// frame ends the worker, whatever it is doing.
addEventListener("message", ({ data: source, source: sender, ports: [port] }) => {
  if (sender !== parent) return;
  const address = (text) => URL.createObjectURL(new Blob([text], { type: "text/javascript" }));
  // A classic worker: Chromium starts no module worker of an origin without a name.
  const worker = new Worker(address(document.getElementById("worker").textContent));
  worker.postMessage(address(source), [port]);
}, { once: true });
parent.postMessage("ready", "*");
