import assert from "node:assert/strict";
import {
  judgeOf,
  type JudgeOptions,
  judgeReward,
  ratingIn,
} from "../../../lib/rewards/ready/judge.ts";

const samples = (count: number) =>
  Array.from({ length: count }, (_, i) => ({ query: `q${i}`, response: `r${i}` }));

interface Request {
  authorization: string | null;
  body: { model: string; messages: { role: string; content: string }[] };
}

/** Serves a judge that replies with `answer`, and returns what it was asked. */
async function withJudge(
  answer: (request: Request, attempt: number) => Response | Promise<Response>,
  body: (address: string, asked: Request[]) => Promise<void>,
): Promise<void> {
  const asked: Request[] = [];
  await using server = Deno.serve({ port: 0, onListen: () => {} }, async (request) => {
    const authorization = request.headers.get("authorization");
    asked.push({ authorization, body: await request.json() });
    return await answer(asked.at(-1)!, asked.length);
  });
  await body(`http://localhost:${server.addr.port}/v1`, asked);
}

const reply = (content: string) => Response.json({ choices: [{ message: { content } }] });
const options: JudgeOptions = { model: "m", apiKey: "key", retries: 1 };

Deno.test("a judge's rating becomes a reward between 0 and 1", () =>
  withJudge(
    ({ body }) => reply(body.messages[1].content.includes("r1") ? "I give 7.5 of it" : "10"),
    async (address, asked) => {
      assert.deepEqual(await judgeReward(address, options)(samples(3)), [1, 0.75, 1]);
      const { authorization, body } = asked[0];
      assert.equal(authorization, "Bearer key");
      assert.equal(body.model, "m");
      assert.match(body.messages[0].content, /0 .* 10/);
    },
  ));

Deno.test("a rating is the one number of an answer; several numbers are none", () => {
  const ratings: [answer: string, rating: number | null][] = [
    ["7", 7],
    ["Rating: 8/10", 8],
    ["8 out of 10.", 8],
    ["**9.5** / 10", 9.5],
    ["I give 7, a clear 7.", 7],
    ["<think>Between 3 and 5, of 10.</think>\n\n4", 4],
    // The first number of these is not the rating.
    ["On a scale from 0 to 10, I give 7.", null],
    ["1. It is polite. 2. It is short. Rating: 6", null],
    ["Between 6/10 and 7/10", null],
    ["11", null],
    ["-3", null],
    ["none", null],
  ];
  for (const [answer, rating] of ratings) assert.equal(ratingIn(answer), rating, answer);
});

Deno.test("no number, a number out of range and a failure are null; a failure is tried again", () =>
  withJudge(
    ({ body }, attempt) => {
      const { content } = body.messages[1];
      if (content.includes("r0")) return reply("none");
      if (content.includes("r1")) return reply("11");
      return attempt < 4 ? new Response("busy", { status: 503 }) : reply("5");
    },
    async (address, asked) => {
      const one = { ...options, concurrency: 1 };
      assert.deepEqual(await judgeReward(address, one)(samples(3)), [null, null, 0.5]);
      assert.equal(asked.length, 4);
    },
  ));

Deno.test("a judge that is too slow is null, and no more requests run at once than allowed", () => {
  let [now, most] = [0, 0];
  const released = Promise.withResolvers<void>();
  return withJudge(
    async ({ body }) => {
      most = Math.max(most, ++now);
      if (body.messages[1].content.includes("r0")) await released.promise;
      now--;
      return reply("2");
    },
    async (address) => {
      const limited = { ...options, retries: 0, timeout: 2, concurrency: 2 };
      assert.deepEqual(await judgeReward(address, limited)(samples(5)), [null, 0.2, 0.2, 0.2, 0.2]);
      assert.ok(most <= 2, `${most} at once`);
      released.resolve();
    },
  );
});

Deno.test("a setting names the address, the model and perhaps a rubric", () =>
  withJudge(() => reply("1"), async (address, asked) => {
    assert.deepEqual(await judgeOf(`${address}?model=a/b&rubric=Rate%20it.`)(samples(1)), [0.1]);
    assert.equal(asked[0].body.model, "a/b");
    assert.match(asked[0].body.messages[0].content, /^Rate it\./);
    for (const wrong of ["", "localhost", `${address}`, "ftp://h/v1?model=m"]) {
      assert.throws(() => judgeOf(wrong), { name: "UserError" });
    }
  }));

Deno.test("a judge that answers nothing of a batch is an error, with the reason", async () => {
  await withJudge(() => new Response("busy", { status: 503 }), async (address) => {
    await assert.rejects(async () => await judgeReward(address, options)(samples(2)), {
      name: "UserError",
      message: `the judge at ${address} does not answer: status 503`,
    });
    assert.deepEqual(await judgeReward(address, options)([]), []);
  });
});

for (
  const [status, check] of [
    [401, "the key in OPENAI_API_KEY"],
    [403, "the key in OPENAI_API_KEY"],
    [404, "the address and the model's name"],
  ] as const
) {
  Deno.test(`status ${status} is an error at once, whatever the others are given`, () =>
    withJudge(
      (_, attempt) => attempt === 2 ? new Response("no", { status }) : reply("5"),
      async (address, asked) => {
        const one = { ...options, concurrency: 1 };
        await assert.rejects(async () => await judgeReward(address, one)(samples(4)), {
          name: "UserError",
          message:
            `the judge m at ${address} refuses requests with status ${status}: check ${check}`,
        });
        assert.equal(asked.length, 2);
      },
    ));
}
