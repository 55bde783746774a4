import { assetUrl } from "../../assets.ts";
import { UserError } from "../errors.ts";
import type { JsonObject } from "../formats/hf_config.ts";
import { type ModelFiles, modelFiles } from "../formats/model_files.ts";
import { decodeUtf8 } from "../formats/utf8.ts";
import { readFile } from "../platform/files.ts";
import { ioReason } from "../platform/io_error.ts";
import { LimitedThread } from "../platform/limited_thread.ts";
import { type ChatMessage, finalText } from "./messages.ts";
import { strip } from "./python_text.ts";
import { specialTokenTexts, tokenizerConfig } from "./tokenizer_config.ts";
import type { RenderedText } from "./template_program.ts";
import type { TemplateAnswer, TemplateRequest } from "./template_thread.ts";
import type { Tokenizer } from "./tokenizer.ts";

/** Options of rendering a conversation, as of transformers' `apply_chat_template`. */
export interface ChatOptions {
  /** End with the beginning of an answer, which the model is to continue. Default false. */
  addGenerationPrompt?: boolean;
  /** End within the last message, which the model is to continue. Default false. */
  continueFinalMessage?: boolean;
  /** Tools that the model may call, as JSON schemas. Default null. */
  tools?: readonly unknown[] | null;
  /** Further variables of the template, such as Qwen3's `enable_thinking`. */
  variables?: JsonObject;
}

/** Options of loading a template. */
export interface ChatTemplateOptions {
  /** Path of a file with the template, in place of the model's own. Default null. */
  file?: string | null;
  /** Name among several templates of a model. Default `default`. */
  name?: string;
}

/** Seconds that a template may take, and another for every so many characters of its messages. */
const SECONDS = 10;
const CHARACTERS_PER_SECOND = 50_000;

/** Maximum length of a template: those in use have up to 30,000 characters. */
const MAX_TEMPLATE = 2 ** 20;

/**
 * Chat template of a model: turns a conversation into text in the form that the model was trained on,
 * exactly as transformers' `apply_chat_template` does. A template is a program from elsewhere, so it
 * runs in a thread of its own, with limits of time and memory.
 *
 * ```ts ignore
 * const template = await ChatTemplate.load("models/SmolLM2-135M-Instruct");
 * const messages = [{ role: "user", content: "How was the flight?" }];
 * const prompt = template.encode(tokenizer, messages, { addGenerationPrompt: true });
 * ```
 */
export class ChatTemplate {
  private constructor(
    /** Source in Jinja. */
    readonly source: string,
    private readonly specialTokens: JsonObject,
    private readonly path: string,
    private readonly seconds: number,
    private readonly thread: LimitedThread,
  ) {}

  /**
   * Loads a model's template: of the given file, else of chat_template.jinja, else `chat_template` in
   * tokenizer_config.json, which may be a list of named templates.
   *
   * @param source a model's folder, or files
   * @throws {UserError} when there is none, or it is not Jinja
   */
  static async load(
    source: string | ModelFiles,
    options: ChatTemplateOptions = {},
  ): Promise<ChatTemplate> {
    const files = modelFiles(source);
    const template = await ChatTemplate.find(files, options);
    if (template) return template;
    throw new UserError(
      `${files.path} has no chat template: expected chat_template.jinja, or \`chat_template\` in ` +
        "tokenizer_config.json; name a file with one as `chatTemplate`",
    );
  }

  /**
   * Loads a model's template as {@linkcode load} does; null where there is none.
   *
   * @throws {UserError} when it is not Jinja
   */
  static async find(
    source: string | ModelFiles,
    { file = null, name = "default" }: ChatTemplateOptions = {},
  ): Promise<ChatTemplate | null> {
    const files = modelFiles(source);
    const config = await tokenizerConfig(files);
    const found = file === null ? await findSource(files, config, name) : {
      text: await readTemplate(file),
      path: file,
    };
    return found &&
      await ChatTemplate.of(found.text, {
        specialTokens: specialTokenTexts(config),
        path: found.path,
      });
  }

  /**
   * Makes a template of its source.
   *
   * @param options.specialTokens variables such as `bos_token`, by name. Default none
   * @param options.path name for messages. Default `memory`
   * @param options.seconds seconds that it may take for a short conversation. Default 10
   * @throws {UserError} when it is not Jinja
   */
  static async of(
    source: string,
    { specialTokens = {}, path = "memory", seconds = SECONDS }: {
      specialTokens?: JsonObject;
      path?: string;
      seconds?: number;
    } = {},
  ): Promise<ChatTemplate> {
    if (source.length > MAX_TEMPLATE) {
      throw new UserError(
        `${path} is not a chat template: it has ${source.length} characters, expected at most ${MAX_TEMPLATE}`,
      );
    }
    const thread = await LimitedThread.start(assetUrl("lib/data/template_thread.ts"));
    const request: TemplateRequest = { source };
    try {
      await thread.call(request, { seconds: seconds + source.length / CHARACTERS_PER_SECOND });
    } catch (error) {
      thread.close();
      throw new UserError(`${path} is not a chat template: ${(error as Error).message}`, {
        cause: error,
      });
    }
    return new ChatTemplate(source, specialTokens, path, seconds, thread);
  }

  /** Tells whether the template marks what the assistant says, by `{% generation %}`. */
  get marksGeneration(): boolean {
    return /\{%[-+]?\s*generation\s*[-+]?%\}/.test(this.source);
  }

  /**
   * Makes a conversation's text.
   *
   * @throws {UserError} when the template refuses the messages or fails, or the options exclude each
   *   other
   */
  render(messages: readonly ChatMessage[], options: ChatOptions = {}): string {
    const { addGenerationPrompt = false, continueFinalMessage = false } = options;
    if (addGenerationPrompt && continueFinalMessage) {
      throw new UserError(
        "`addGenerationPrompt` begins a new message, `continueFinalMessage` continues the last one: " +
          "give one of them",
      );
    }
    const { text } = this.renderGenerated(messages, options);
    return continueFinalMessage ? this.#untilFinal(text, messages) : text;
  }

  /**
   * Makes the text of a conversation that a model is to read, which must not be empty.
   *
   * @throws {UserError} as {@linkcode render}, and when the template writes nothing
   */
  renderPrompt(messages: readonly ChatMessage[], options: ChatOptions = {}): string {
    const text = this.render(messages, options);
    if (text !== "") return text;
    throw new UserError(
      `the chat template in ${this.path} writes nothing for these messages: the model has nothing to read`,
    );
  }

  /**
   * Makes a conversation's text, and says which parts of it lie in the template's
   * `{% generation %}` blocks.
   *
   * @throws {UserError} when the template refuses the messages or fails
   */
  renderGenerated(
    messages: readonly ChatMessage[],
    { addGenerationPrompt = false, tools = null, variables = {} }: ChatOptions = {},
  ): RenderedText {
    const request = {
      variables: {
        messages,
        tools,
        documents: null,
        add_generation_prompt: addGenerationPrompt,
        ...this.specialTokens,
        ...variables,
      },
    } satisfies TemplateRequest;
    const length = JSON.stringify(messages).length;
    let answer: TemplateAnswer;
    try {
      answer = this.thread.callSync(request, {
        seconds: this.seconds + length / CHARACTERS_PER_SECOND,
      }) as TemplateAnswer;
    } catch (error) {
      throw new UserError(
        `the chat template in ${this.path} fails on these messages: ${(error as Error).message}`,
        { cause: error },
      );
    }
    if (!("refusal" in answer)) return answer;
    throw new UserError(
      `the chat template in ${this.path} refuses these messages: ${answer.refusal}`,
    );
  }

  /**
   * Makes a conversation's tokens. The template has written the special tokens, so the tokenizer adds
   * none.
   *
   * @throws {UserError} as {@linkcode renderPrompt}
   */
  encode(
    tokenizer: Pick<Tokenizer, "encode">,
    messages: readonly ChatMessage[],
    options: ChatOptions = {},
  ): number[] {
    return tokenizer.encode(this.renderPrompt(messages, options), { addSpecialTokens: false });
  }

  /** Ends the thread, which otherwise ends with the program or once nobody can use the template. */
  close(): void {
    this.thread.close();
  }

  /** Cuts what the template writes after the last message, as transformers 4.52 does. */
  #untilFinal(text: string, messages: readonly ChatMessage[]): string {
    const final = finalText(messages);
    const place = text.lastIndexOf(strip(final));
    if (place < 0) {
      throw new UserError(
        `the chat template in ${this.path} does not write the last message as it is: it cannot be continued`,
      );
    }
    const end = place + strip(final, "left").length;
    // Where the template drops the white space at the message's end, it is dropped here.
    return text.slice(0, text.slice(place, end) === final ? end : place + strip(final).length);
  }
}

/** A template's source, and the file that has it. */
interface FoundSource {
  text: string;
  path: string;
}

async function findSource(
  files: ModelFiles,
  config: JsonObject,
  name: string,
): Promise<FoundSource | null> {
  const file = name === "default"
    ? "chat_template.jinja"
    : `additional_chat_templates/${name}.jinja`;
  const text = await files.text(file);
  if (text !== null) return { text, path: files.pathOf(file) };
  const path = files.pathOf("tokenizer_config.json");
  const own = config.chat_template ?? null;
  if (own === null) return null;
  if (typeof own === "string") return { text: own, path };
  const templates = Array.isArray(own)
    ? Object.fromEntries(own.map((entry) => [Object(entry).name, Object(entry).template]))
    : Object(own) as JsonObject;
  const found = templates[name];
  if (typeof found === "string") return { text: found, path };
  throw new UserError(
    `${path} has no chat template "${name}", only ${
      Object.keys(templates).map((own) => JSON.stringify(own)).join(", ") || "others"
    }`,
  );
}

/** Reads a file with a template. @throws {UserError} when it cannot be read, or is no text */
export async function readTemplate(path: string): Promise<string> {
  let bytes: Uint8Array<ArrayBuffer>;
  try {
    bytes = await readFile(path);
  } catch (error) {
    throw new UserError(`cannot read the chat template ${path}: ${ioReason(error)}`, {
      cause: error,
    });
  }
  return decodeUtf8(path, bytes);
}
