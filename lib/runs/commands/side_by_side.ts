import { chatRoom } from "./chat.ts";
import { ChatTemplate } from "../../data/chat_template.ts";
import type { ChatMessage } from "../../data/messages.ts";
import type { Device } from "../../device/device.ts";
import { openDevice } from "../../device/open.ts";
import { UserError } from "../../errors.ts";
import { type Prompt, textGenerator } from "../../evaluation/text_generator.ts";
import { measureToxicity } from "../../evaluation/toxicity.ts";
import type { LoraAdapter } from "../../nn/lora.ts";
import type { TextClassifier } from "../../rewards/text_classifier.ts";
import type { AnswerSettings } from "../kinds/answer_settings.ts";
import { locate } from "../loading/locate.ts";
import { loadRunPolicy, type RunPolicy } from "../loading/policy.ts";
import {
  type LoadedRewards,
  loadRewards,
  loadToxicityClassifier,
  type RewardSettings,
  type ToxicitySettings,
} from "../loading/rewards.ts";

/** Text to respond to. */
export interface Question {
  /** The text. */
  text: string;
  /** Temperature that tokens are drawn at; 0 takes the likeliest each time. */
  temperature: number;
  /** Conversation that the text continues; null for a text that is put into the run's prompt. */
  chat: ChatBefore | null;
}

/** Conversation with a model without an adapter and with it: the same messages, two kinds of answers. */
export interface ChatBefore {
  /** System prompt; empty for none. */
  system: string;
  /** Messages and their answers. */
  turns: { text: string; base: string; adapter: string }[];
}

/** A response with its rewards. */
export interface Answer {
  /** Text of the response. */
  response: string;
  /** Weighted sum of the rewards; null where there is none. */
  reward: number | null;
  /** Score of each reward that applies, by its name. */
  rewards: Record<string, number>;
  /** Toxicity of the prompt with the response; null for a run that measures none. */
  toxicity: number | null;
}

/** Responses of a model without an adapter and with it. */
export interface Answers {
  /** Response of the model before any training. */
  base: Answer;
  /** Response of the model with the adapter. */
  adapter: Answer;
}

/** Model that stays loaded, to respond to one text after the other with and without an adapter. */
export class SideBySide {
  private constructor(
    private readonly config: AnswerSettings,
    private readonly device: Device,
    private readonly policy: RunPolicy,
    private readonly template: ChatTemplate | null,
    private readonly rewards: LoadedRewards | null,
    private readonly classifier: TextClassifier | null,
  ) {}

  /**
   * Loads a run's model and an adapter, with the rewards and the toxicity classifier, where the run
   * has them.
   *
   * @param adapter folder of the adapter
   * @throws {UserError} when something does not load
   */
  static async open(config: AnswerSettings, adapter: string): Promise<SideBySide> {
    const device = await openDevice(config);
    try {
      const policy = await loadRunPolicy(device, { ...config, adapter });
      const template = await ChatTemplate.find(await locate("model", config.model, {}), {
        file: config.chatTemplate,
      });
      const rewards = hasRewards(config) ? await loadRewards(device, config) : null;
      const classifier = measuresToxicity(config)
        ? await loadToxicityClassifier(device, config, rewards?.classifier)
        : null;
      return new SideBySide(config, device, policy, template, rewards, classifier);
    } catch (error) {
      device.close();
      throw error;
    }
  }

  /**
   * Responds to a text twice.
   *
   * @throws {UserError} when a reward misbehaves, or the conversation cannot be continued
   */
  async answer(question: Question): Promise<Answers> {
    const { config, policy: { model, tokenizer, adapter } } = this;
    const { temperature } = question;
    const asked = {
      base: this.#prompt(question, "base"),
      adapter: this.#prompt(question, "adapter"),
    };
    const maxNewTokens = config.evalMaxNewTokens ?? config.maxCompletionLength ?? 256;
    const sampling = {
      minLength: config.minLength,
      ...(temperature > 0
        ? { doSample: true, temperature, seed: crypto.getRandomValues(new Uint32Array(1))[0] }
        : {}),
    };
    const respond = async (prompt: Prompt, used: LoraAdapter | null) => {
      const length = question.chat === null
        ? maxNewTokens
        : chatRoom(model, prompt.inputIds, maxNewTokens);
      const own = { ...sampling, maxNewTokens: length };
      const [response] = await textGenerator(model, tokenizer, own, used)([prompt], 0);
      return response;
    };
    const base = await respond(asked.base, null);
    const adapted = await respond(asked.adapter, adapter);
    const samples = [
      { query: asked.base.query, response: base },
      { query: asked.adapter.query, response: adapted },
    ];
    const columns = await this.rewards?.rewards.columns(samples);
    const measured = this.classifier && await measureToxicity(
      this.classifier,
      // As evaluation measures a policy.
      samples.map(({ query, response }) => `${query} ${response}`),
      { toxicLabel: config.toxicLabel },
    );
    const answer = (i: number): Answer => ({
      response: samples[i].response,
      ...this.#rewardsOf(columns ?? {}, i),
      toxicity: measured?.toxicities[i] ?? null,
    });
    return { base: answer(0), adapter: answer(1) };
  }

  /** Frees the model. */
  close(): void {
    this.template?.close();
    this.device.close();
  }

  /** Rewards that apply to a sample: one that compares with a column of a dataset has none of a text. */
  #rewardsOf(
    columns: Readonly<Record<string, readonly (number | null)[]>>,
    sample: number,
  ): Pick<Answer, "reward" | "rewards"> {
    const all = this.rewards?.rewards.rewards ?? [];
    const given = all.flatMap(({ name, weight }) => {
      const score = columns[name][sample];
      return score === null ? [] : [{ name, weight, score }];
    });
    return {
      reward: given.length === 0
        ? null
        : given.reduce((sum, { weight, score }) => sum + weight * score, 0),
      rewards: Object.fromEntries(given.map(({ name, score }) => [name, score])),
    };
  }

  /** Prompt of a question: the run's with the text in it, or the conversation with one of the two. */
  #prompt({ text, chat }: Question, side: "base" | "adapter"): Prompt {
    const { config, policy: { tokenizer }, template } = this;
    if (chat === null) {
      const query = config.prompt.replaceAll("{dialogue}", () => text);
      return { query, inputIds: tokenizer.encode(query) };
    }
    if (!template) throw new UserError(`${config.model} has no chat template`);
    const messages: ChatMessage[] = [
      ...(chat.system === "" ? [] : [{ role: "system", content: chat.system }]),
      ...chat.turns.flatMap((turn) => [
        { role: "user", content: turn.text },
        { role: "assistant", content: turn[side] },
      ]),
      { role: "user", content: text },
    ];
    const inputIds = template.encode(tokenizer, messages, { addGenerationPrompt: true });
    return { query: tokenizer.decode(inputIds), inputIds };
  }
}

function hasRewards(config: AnswerSettings): config is AnswerSettings & RewardSettings {
  return config.reward !== undefined;
}

function measuresToxicity(config: AnswerSettings): config is AnswerSettings & ToxicitySettings {
  return config.toxicLabel !== undefined && config.toxicityModel !== undefined;
}
