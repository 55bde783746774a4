import type { ChatMessage } from "../../data/messages.ts";
import { ChatTemplate } from "../../data/chat_template.ts";
import type { Device } from "../../device/device.ts";
import { UserError } from "../../errors.ts";
import { generate } from "../../generation/generate.ts";
import type { GenerationConfig } from "../../generation/generation_config.ts";
import { StreamedText } from "../../generation/streamed_text.ts";
import type { LanguageModel } from "../../models/language_model.ts";
import { openRunDevice } from "../loading/device.ts";
import { locate } from "../loading/locate.ts";
import {
  type GeneratorHooks,
  loadRunPolicy,
  noteRecommendations,
  type RunPolicy,
} from "../loading/policy.ts";
import type { TrainConfig } from "../settings/config.ts";

/** Listeners of an answer. */
export interface AnswerHooks {
  /** Called with each piece of the answer as it comes. */
  onText?(text: string): void;
  /** Stops the answer, which then ends with what has come. */
  signal?: AbortSignal;
}

/** Settings of answers. */
export type ChatSampling = GenerationConfig & { maxNewTokens: number };

/**
 * Number of new tokens of an answer, at most those wanted, that the model has room for.
 *
 * @throws {UserError} when there is no room for any
 */
export function chatRoom(
  model: Pick<LanguageModel, "maxPositions">,
  prompt: readonly number[],
  wanted: number,
): number {
  // An answer's last token is not read.
  const room = (model.maxPositions ?? Infinity) - prompt.length + 1;
  if (room > 0) return Math.min(room, wanted);
  throw new UserError(
    `the conversation has ${prompt.length} tokens, the model has ${model.maxPositions} positions: ` +
      "begin a new one",
  );
}

/** A model that stays loaded, to continue conversations in the form of its chat template. */
export class Chat {
  #answers = 0;

  private constructor(
    private readonly device: Device,
    private readonly policy: RunPolicy,
    private readonly adapted: boolean,
    private readonly template: ChatTemplate,
    private readonly sampling: ChatSampling,
  ) {}

  /**
   * Loads a model, with the adapter that is named.
   *
   * @param sampling settings of the answers, which end before its stop strings
   * @throws {UserError} when something does not load, or the model has no chat template
   */
  static async open(
    config: TrainConfig,
    sampling: ChatSampling,
    hooks: GeneratorHooks = {},
  ): Promise<Chat> {
    const device = await openRunDevice(config, hooks.info);
    try {
      const folder = await locate("model", config.model, hooks);
      const template = await ChatTemplate.load(folder, { file: config.chatTemplate });
      const policy = await loadRunPolicy(device, config, hooks);
      noteRecommendations(policy, hooks);
      // A fresh adapter changes nothing, but costs time.
      const adapted = config.adapter !== null;
      return new Chat(device, policy, adapted, template, sampling);
    } catch (error) {
      device.close();
      throw error;
    }
  }

  /** Device that answers, in words. */
  get deviceDescription(): string {
    return this.device.description;
  }

  /**
   * Answers the last message of a conversation. Each answer draws from a part of the seed's numbers of
   * its own.
   *
   * @returns the answer, without the tokens and texts that end it
   * @throws {UserError} when the template refuses the messages, or they are too long for the model
   */
  async answer(messages: readonly ChatMessage[], hooks: AnswerHooks = {}): Promise<string> {
    const { model, tokenizer, adapter } = this.policy;
    const prompt = this.template.encode(tokenizer, messages, { addGenerationPrompt: true });
    const { stopStrings, maxNewTokens, ...sampling } = this.sampling;
    const streamed = new StreamedText(tokenizer, stopStrings);
    const room = chatRoom(model, prompt, maxNewTokens);
    const config = { ...sampling, maxNewTokens: room, firstRollout: this.#answers++ };
    const onTokens = (_row: number, tokens: readonly number[]) => {
      const text = streamed.push(tokens);
      if (text !== "") hooks.onText?.(text);
      return streamed.stopped || hooks.signal?.aborted;
    };
    const options = { adapter: this.adapted ? adapter : null, tokenizer, onTokens };
    await generate(model, [prompt], config, options);
    const rest = streamed.end();
    if (rest !== "") hooks.onText?.(rest);
    return streamed.text;
  }

  /** Frees the model. */
  close(): void {
    this.template.close();
    this.device.close();
  }
}
