// Script of the worker in which a reward of the user's is computed: the same module that the command
// line takes, with one of the two forms of functions.
onmessage = async ({ data: address, ports: [port] }) => {
  const failed = (error) => port.postMessage({ failure: String(error?.message ?? error) });
  let score;
  try {
    score = (await import(address)).default;
    if (typeof score !== "function") throw new Error("it has no function as its default export");
  } catch (error) {
    return failed(error);
  }
  port.onmessage = async ({ data: samples }) => {
    try {
      const scores = await (score.length > 1 ? scoreLists(samples) : score(samples));
      port.postMessage({ scores: Array.isArray(scores) ? scores.map(sendable) : scores });
    } catch (error) {
      failed(error);
    }
  };
  port.postMessage({ scores: [] });

  // A promise or a function among the scores is an object: whoever gets it says that it is no number.
  function sendable(value) {
    return typeof value === "object" || typeof value === "function" ? value && {} : value;
  }

  // TRL's form: prompts, completions, and the dataset's columns.
  function scoreLists(samples) {
    const names = new Set(samples.flatMap(({ columns }) => Object.keys(columns ?? {})));
    const columnOf = (name) => samples.map(({ columns }) => columns?.[name] ?? null);
    return score(
      samples.map(({ query }) => query),
      samples.map(({ response }) => response),
      Object.fromEntries([...names].map((name) => [name, columnOf(name)])),
    );
  }
};
