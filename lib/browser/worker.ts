/** The worker of a page: whatever takes time is done here, so that the page never waits. */
import { work } from "../cluster/work.ts";
import { questionIn } from "../data/chat_question.ts";
import { ChatTemplate } from "../data/chat_template.ts";
import { describeAdapter, findAdapter, isSoftware } from "../device/webgpu/adapter.ts";
import { UserError } from "../errors.ts";
import { fingerprint } from "../formats/fingerprint.ts";
import { isThere } from "../platform/files.ts";
import { setVariables } from "../platform/browser/environment.ts";
import { StorageFolder } from "../platform/browser/storage.ts";
import { SideBySide } from "../runs/commands/side_by_side.ts";
import { checkFingerprints, readSessions } from "../runs/folder/environment.ts";
import { runDirectory } from "../runs/folder/run_directory.ts";
import type { AnswerSettings } from "../runs/kinds/answer_settings.ts";
import { readRunConfig } from "../runs/kinds/run_config.ts";
import { locate } from "../runs/loading/locate.ts";
import { errorOf, failureOf } from "./failures.ts";
import { keptRuns, lookAt, removeRun, runPath } from "./kept_runs.ts";
import { folderFiles, putFiles, zipFolder } from "./page_files.ts";
import type {
  BrowserFacts,
  CallName,
  Calls,
  PageMessage,
  WorkerMessage,
  WorkerSettings,
  WorkEvents,
} from "./protocol.ts";
import { type AskPage, DirectedRun, giveRewards } from "./train.ts";

/** Functions that do what a page asks for. */
type Handlers = {
  [Name in CallName]: (
    args: Calls[Name]["args"],
  ) => Calls[Name]["result"] | Promise<Calls[Name]["result"]>;
};

/** Answers the calls of the page that started this worker. */
export function serveWorker(): void {
  const worker = new PageWorker((message) => postMessage(message));
  addEventListener("message", ({ data }: MessageEvent<PageMessage>) => worker.receive(data));
}

/** State of a page's worker, and its answers. */
class PageWorker {
  #run: DirectedRun | null = null;
  #work: AbortController | null = null;
  #model: { answering: SideBySide; rewards: Disposable } | null = null;
  #nextScore = 0;
  readonly #scores = new Map<number, PromiseWithResolvers<(number | null)[]>>();
  readonly #handlers: Handlers = {
    open,
    put: ({ path, files: body }) => putFiles(path, body),
    train: async (order) => {
      this.#checkIdle();
      this.#run = new DirectedRun(
        (event, data) => this.send({ event, data } as WorkerMessage),
        (reward) => (samples) => this.#ask(reward, samples),
      );
      try {
        return await this.#run.train(order);
      } finally {
        this.#run = null;
      }
    },
    work: async ({ address, options }) => {
      this.#checkIdle();
      const tell = (event: keyof WorkEvents) => (data: unknown = null) =>
        this.send({ event, data } as WorkerMessage);
      this.#work = new AbortController();
      try {
        const { signal } = this.#work;
        await work(address, { ...options, signal }, {
          info: tell("info"),
          downloading: tell("downloading"),
          waiting: tell("waiting"),
          found: tell("found"),
          working: tell("working"),
          worked: tell("worked"),
        });
      } finally {
        this.#work = null;
      }
    },
    control: (args) => {
      if (args.do === "stop") this.#work?.abort();
      if (args.do === "pause") this.#run?.pause();
      else if (args.do === "go on") this.#run?.goOn();
      else this.#run?.stop();
    },
    runs: () => keptRuns(),
    files: async ({ path }) => {
      await lookAt(path);
      return folderFiles(path);
    },
    zip: async ({ path }) => {
      await lookAt(path);
      return zipFolder(path);
    },
    remove: ({ run }) => removeRun(run),
    load: async ({ run, rewards }) => {
      this.#unload();
      const answers = await answerSettingsOf(run);
      await checkModel(run, answers);
      const given = giveRewards(rewards, (reward) => (samples) => this.#ask(reward, samples));
      try {
        const answering = await SideBySide.open(answers, `${runPath(run)}/adapter`);
        this.#model = { answering, rewards: given };
      } catch (error) {
        given[Symbol.dispose]();
        throw error;
      }
    },
    question: async ({ run, prompt }) => {
      const { model, chatTemplate: file } = await answerSettingsOf(run);
      const template = await ChatTemplate.find(await locate("model", model, {}), { file });
      if (!template) return null;
      try {
        return questionIn(template, prompt);
      } finally {
        template.close();
      }
    },
    answer: async (question) => {
      if (!this.#model) throw new UserError("no model is loaded");
      return await this.#model.answering.answer(question);
    },
    unload: () => this.#unload(),
  };

  constructor(private readonly send: (message: WorkerMessage) => void) {}

  /** Takes a message of the page's. */
  async receive(message: PageMessage): Promise<void> {
    if ("scored" in message) {
      const waiting = this.#scores.get(message.scored);
      this.#scores.delete(message.scored);
      if ("scores" in message) waiting?.resolve(message.scores);
      else waiting?.reject(errorOf(message.failure));
      return;
    }
    const { id, call, args } = message;
    try {
      const handle = this.#handlers[call] as (args: unknown) => unknown;
      this.send({ id, result: await handle(args) });
    } catch (error) {
      this.send({ id, failure: failureOf(error) });
    }
  }

  /** Lets the page score samples. */
  #ask(reward: string, samples: Parameters<ReturnType<AskPage>>[0]): Promise<(number | null)[]> {
    const waiting = Promise.withResolvers<(number | null)[]>();
    const score = this.#nextScore++;
    this.#scores.set(score, waiting);
    this.send({ score, reward, samples });
    return waiting.promise;
  }

  /** @throws {UserError} while something else is done */
  #checkIdle(): void {
    if (this.#run) throw new UserError("a run is in progress: stop it first");
    if (this.#work) throw new UserError("this page works for a run elsewhere: stop that first");
  }

  #unload(): void {
    this.#model?.answering.close();
    this.#model?.rewards[Symbol.dispose]();
    this.#model = null;
  }
}

/** Settings that a run's model responds with. @throws {UserError} when it writes no text */
async function answerSettingsOf(run: string): Promise<AnswerSettings> {
  await lookAt(runPath(run));
  const { kind, settings } = await readRunConfig(runPath(run));
  if (kind.answerSettings) return kind.answerSettings(kind.resolve(settings));
  throw new UserError(`a run of the kind ${kind.kind} writes no text`);
}

/**
 * Checks that a model in the page's files is still the run's: others may have the same name.
 *
 * @throws {SourceChangedError} when it is another one
 */
async function checkModel(run: string, { model }: AnswerSettings): Promise<void> {
  if (!isThere(model)) return;
  const sessions = await readSessions(runDirectory(runPath(run)).environment, () => {});
  // The others are not looked at: a run can be tried without its dataset.
  const others = sessions[0]?.fingerprints;
  checkFingerprints(sessions, { fingerprints: { ...others, model: await fingerprint(model) } });
}

async function open({ hub, token }: WorkerSettings): Promise<BrowserFacts> {
  setVariables({ ...(hub ? { HF_ENDPOINT: hub } : {}), ...(token ? { HF_TOKEN: token } : {}) });
  const adapter = await findAdapter();
  const canShare = typeof SharedArrayBuffer !== "undefined";
  return {
    threads: canShare ? navigator.hardwareConcurrency || 1 : 1,
    gpu: adapter && describeAdapter(adapter),
    gpuIsSoftware: adapter !== null && isSoftware(adapter),
    storage: await StorageFolder.open("temper", "runs") !== null,
  };
}
