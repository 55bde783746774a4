import type { ComponentChildren, JSX } from "preact";
import { formatFixed, formatNumber } from "../shared/format.ts";
import type { Sample, SampleToken } from "../shared/samples.ts";

/** Value of `|log ratio|` with the darkest shade: a factor of e², about 7. */
const DARKEST = 2;
/** Number of shades in either direction. */
const SHADES = 4;

/** A response of the policy with its reward and its prompt. */
export function SampleCard(
  { sample, children }: { sample: Sample; children?: ComponentChildren },
): JSX.Element {
  const parts = Object.entries(sample.rewards);
  return (
    <article class="card sample">
      <dl class="measures">
        {Number.isFinite(sample.reward) && (
          <Measure name="reward" value={formatFixed(sample.reward, 3)} />
        )}
        {parts.length > 1 &&
          parts.map(([name, value]) => <Measure name={name} value={formatFixed(value, 3)} />)}
        {Number.isFinite(sample.advantage) && (
          <Measure name="advantage" value={formatFixed(sample.advantage, 3)} />
        )}
        {Number.isFinite(sample.length) && (
          <Measure name="length" value={String(sample.length)} unit="tokens" />
        )}
        {Number.isFinite(sample.kl) && (
          <Measure name="KL" value={formatNumber(sample.kl)} unit="nats" />
        )}
        <Measure name="step" value={String(sample.step)} />
      </dl>
      <Response sample={sample} />
      <details>
        <summary>Prompt</summary>
        <p class="text">{sample.query}</p>
      </details>
      {children}
    </article>
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

function Measure(
  { name, value, unit }: { name: string; value: string; unit?: string },
): JSX.Element {
  return (
    <div>
      <dt>{name}</dt>
      <dd>
        <span class="number">{value}</span> {unit && <span class="muted">{unit}</span>}
      </dd>
    </div>
  );
}
