import type { JSX } from "preact";
import { renderToString } from "preact-render-to-string";
import { runKinds } from "../../lib/runs/kinds/registry.ts";
import type { Demo, PlaygroundKind } from "../islands/playground/choices.ts";
import { settingInfo } from "../../lib/settings/settings.ts";
import { capitalized } from "../shared/format.ts";
import { INLINE_STYLE } from "./assets.ts";
import { Island } from "./island.tsx";
import { Layout, type LayoutProps } from "./layout.tsx";
import { PLAYGROUND_POLICY } from "./playground_headers.ts";

/** Sentence on each algorithm that a page offers, in the order of the form. */
const HELP: Readonly<Record<string, string>> = {
  ppo:
    "Raises the reward of the model's own responses, one response per prompt, with a value head.",
  grpo: "Raises the reward of the model's own responses, compared within a group for each prompt.",
  rloo: "Like GRPO, but each response is compared with the mean of the others.",
  dpo: "Learns from pairs of a chosen and a rejected answer (columns prompt, chosen, rejected).",
  orpo: "Learns from pairs as DPO does, without a reference model.",
  kto:
    "Learns from answers that are each good or bad (columns prompt, completion, label), or pairs.",
  sft: "Learns to write the answers of the dataset.",
  reward:
    "Learns a reward from pairs of a chosen and a rejected answer, for other runs to train with.",
};

/** Algorithms that a page offers. */
function playgroundKinds(): PlaygroundKind[] {
  return runKinds().filter(({ kind }) => kind in HELP).map((
    { kind, title, schema, charts, stepTimes, answerSettings },
  ) => ({
    kind,
    title: capitalized(title),
    help: HELP[kind],
    hasRewards: "reward" in schema.shape,
    hasTextColumn: "dialogueColumn" in schema.shape,
    demo: {
      model: settingInfo(schema.shape.model).default as Demo,
      dataset: settingInfo(schema.shape.dataset).default as string,
    },
    writes: answerSettings !== undefined,
    charts,
    stepTimes,
  }));
}

/** Page that trains in the browser, as HTML. @param script address of the site's script */
export function renderPlayground(
  { script, ...frame }: { script: string } & Pick<LayoutProps, "icon" | "home" | "pages">,
): string {
  const page = (
    <Layout
      title="Train in this browser"
      policy={PLAYGROUND_POLICY}
      assets={{ script, style: INLINE_STYLE }}
      {...frame}
    >
      <Head />
      <Island name="Playground" props={{ kinds: playgroundKinds() }} />
    </Layout>
  );
  return "<!doctype html>" + renderToString(page);
}

function Head(): JSX.Element {
  return (
    <div class="page-head">
      <h1>Train in this browser</h1>
      <p class="muted">
        Models, data and runs stay on this machine: the page may not connect to anything but the
        server of its own files. This browser can also{" "}
        <a href="work.html">work for a run on another machine</a>.
      </p>
      <noscript>
        <p class="failure">Training here needs JavaScript, which is turned off in this browser.</p>
      </noscript>
    </div>
  );
}
