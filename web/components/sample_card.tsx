import type { ComponentChildren, JSX } from "preact";
import { formatChange, formatFixed, formatNumber } from "../shared/format.ts";
import type { Sample, SampleToken } from "../shared/samples.ts";

/** Value of `|log ratio|` with the darkest shade: a factor of e², about 7. */
const DARKEST = 2;
/** Number of shades in either direction. */
const SHADES = 4;

/** Maximum number of characters of a folded prompt: more than a line of the widest page. */
const BEGINNING = 240;

/** A response of the policy with its reward and its prompt. */
export function SampleCard(
  { sample, children }: { sample: Sample; children?: ComponentChildren },
): JSX.Element {
  return (
    <article class="card sample">
      <dl class="measures">
        <SampleMeasures sample={sample} />
        {sample.side !== null && <Measure name="answer" value={sample.side} />}
        <Measure name="step" value={String(sample.step)} />
      </dl>
      <Response sample={sample} />
      <Prompt text={sample.query} />
      {children}
    </article>
  );
}

/** Numbers of a response, for a list of them. */
export function SampleMeasures({ sample }: { sample: Sample }): JSX.Element {
  // Rewards of a pair's answers are those of the two sides, not parts of one.
  const parts = sample.side === null ? Object.entries(sample.rewards) : [];
  return (
    <>
      {Number.isFinite(sample.reward) && (
        <Measure name="reward" value={formatFixed(sample.reward, 3)} />
      )}
      {parts.length > 1 &&
        parts.map(([name, value]) => <Measure name={name} value={formatFixed(value, 3)} />)}
      {Number.isFinite(sample.advantage) && (
        <Measure name="advantage" value={formatChange(sample.advantage, 3)} />
      )}
      {Number.isFinite(sample.length) && (
        <Measure name="length" value={String(sample.length)} unit="tokens" />
      )}
      {Number.isFinite(sample.kl) && (
        <Measure name="KL" value={formatNumber(sample.kl)} unit="nats" />
      )}
    </>
  );
}

/** A prompt, or another text that belongs to a response, folded to its beginning. */
export function Prompt(
  { text, title = "Prompt" }: { text: string; title?: string },
): JSX.Element {
  return (
    <details>
      <summary>
        {title} <span class="beginning">{text.trim().slice(0, BEGINNING)}</span>
      </summary>
      <p class="text">{text}</p>
    </details>
  );
}

/** A response, with its tokens shaded by their log ratio where that was recorded. */
export function Response({ sample }: { sample: Pick<Sample, "response" | "tokens"> }): JSX.Element {
  if (!sample.tokens || sample.tokens.length === 0) {
    return <p class="text">{sample.response || <span class="muted">(empty)</span>}</p>;
  }
  return (
    <p class="text">
      {sample.tokens.map((token, i) => (
        <span class={shade(token)} title={`log ratio ${formatFixed(token.logRatio, 2)}`}>
          {i === 0 ? token.text.trimStart() : token.text}
        </span>
      ))}
    </p>
  );
}

function shade({ logRatio }: SampleToken): string | undefined {
  const level = Math.round(Math.min(1, Math.abs(logRatio) / DARKEST) * SHADES);
  return level === 0 ? undefined : `shade-${logRatio > 0 ? "up" : "down"}-${level}`;
}

/** A number with its name. */
export function Measure(
  { name, value, unit, verdict }: {
    name: string;
    value: string;
    unit?: string;
    /** Class of a good or a bad number. */
    verdict?: "better" | "worse";
  },
): JSX.Element {
  return (
    <div>
      <dt>{name}</dt>
      <dd>
        <span class={verdict === undefined ? "number" : `number ${verdict}`}>{value}</span>{" "}
        {unit && <span class="muted">{unit}</span>}
      </dd>
    </div>
  );
}
