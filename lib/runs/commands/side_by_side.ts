import type { Device } from "../../device/device.ts";
import { openDevice } from "../../device/open.ts";
import { textGenerator } from "../../evaluation/text_generator.ts";
import { samplingOf, type TrainConfig } from "../settings/config.ts";
import { loadRunPolicy, type RunPolicy } from "../loading/policy.ts";
import { type LoadedRewards, loadRewards } from "../loading/rewards.ts";

/** A response, and what it earns. */
export interface Answer {
  /** What was said. */
  response: string;
  /** The weighted sum of the rewards. */
  reward: number;
  /** Each reward's own score, by its name. */
  rewards: Record<string, number>;
}

/** What a model says without an adapter and with it. */
export interface Answers {
  /** Of the model as it was before any training. */
  base: Answer;
  /** Of the model with the adapter. */
  adapter: Answer;
}

/** A model that stays loaded, to respond to one text after the other with and without an adapter. */
export class SideBySide {
  private constructor(
    private readonly config: TrainConfig,
    private readonly device: Device,
    private readonly policy: RunPolicy,
    private readonly rewards: LoadedRewards,
  ) {}

  /**
   * Loads a run's model, an adapter and the rewards.
   *
   * @param adapter folder of the adapter
   * @throws {UserError} when something does not load
   */
  static async open(config: TrainConfig, adapter: string): Promise<SideBySide> {
    const device = await openDevice(config);
    try {
      const policy = await loadRunPolicy(device, { ...config, adapter });
      return new SideBySide(config, device, policy, await loadRewards(device, config));
    } catch (error) {
      device.close();
      throw error;
    }
  }

  /**
   * Lets both respond to a text, put into the run's prompt, with the likeliest token each time.
   *
   * @throws {UserError} when a reward misbehaves
   */
  async answer(text: string): Promise<Answers> {
    const { config, policy: { model, tokenizer, adapter } } = this;
    const query = config.prompt.replaceAll("{dialogue}", () => text);
    const prompt = { query, inputIds: tokenizer.encode(query) };
    const sampling = {
      ...samplingOf(config),
      doSample: false,
      maxNewTokens: config.evalMaxNewTokens,
    };
    const [base] = await textGenerator(model, tokenizer, sampling, null)([prompt], 0);
    const [adapted] = await textGenerator(model, tokenizer, sampling, adapter)([prompt], 0);
    const samples = [base, adapted].map((response) => ({ query, response }));
    const { totals, parts } = await this.rewards.rewards.score(samples);
    const answer = (i: number): Answer => ({
      response: samples[i].response,
      reward: totals[i],
      rewards: Object.fromEntries(Object.entries(parts).map(([name, of]) => [name, of[i]])),
    });
    return { base: answer(0), adapter: answer(1) };
  }

  /** Frees the model. */
  close(): void {
    this.device.close();
  }
}
