// One isolate serves many requests at once, and the platform lets none of them touch another's streams, timers or calls:
// what the core shares between requests (configuration, cached lists) must not carry any of that along.

import assert from "node:assert/strict";
import test from "node:test";
import { CALLER, CHAT, stage, VARS } from "./stage.mjs";
import { ask, json, open, tally } from "./upstream.mjs";

test("lists of models that are asked for at once are answered at once, and cached", async (t) => {
  const vars = { ...VARS, GROQ_API_KEY: "gsk-groq-own-1" };
  const list = json({ object: "list", data: [{ id: "m", object: "model" }] });
  const { provider, worker } = await stage(t, { vars }, list);
  const lists = Array.from({ length: 20 }, () => ask(`${worker.url}/v1/models`, { headers: CALLER }));
  const answers = await Promise.all(lists);
  assert.deepEqual(tally(answers.map((one) => one.status)), { 200: 20 });
  for (const { text } of answers)
    assert.deepEqual(
      JSON.parse(text)
        .data.map((one) => one.id)
        .sort(),
      ["groq/m", "openai/m"],
    );
  const asked = provider.requests.length;
  assert.equal((await ask(`${worker.url}/v1/models`, { headers: CALLER })).status, 200);
  assert.equal(provider.requests.length, asked);
});

test("a caller who leaves while a list is fetched takes nothing from the next one", async (t) => {
  const { provider, worker } = await stage(t);
  const begun = new Promise((resolve) => (provider.answer = resolve));
  const { sending } = await open(`${worker.url}/v1/models`, { headers: CALLER, upload: true });
  sending.end();
  await begun;
  sending.destroy();
  provider.answer = json({ object: "list", data: [{ id: "late" }] });
  const next = await ask(`${worker.url}/v1/models`, { headers: CALLER });
  assert.deepEqual(
    JSON.parse(next.text).data.map((one) => one.id),
    ["openai/late"],
  );
});

test("requests of all kinds at once keep to themselves", async (t) => {
  const answer = async (request, response, record) => {
    const body = await record.body();
    response.writeHead(200, { "content-type": "application/json" });
    response.end(
      JSON.stringify({
        id: "c",
        object: "chat.completion",
        echo: body,
        target: record.target,
        choices: [
          {
            index: 0,
            finish_reason: "stop",
            message: { role: "assistant", content: request.headers["x-mark"] ?? "none" },
          },
        ],
      }),
    );
  };
  const { worker } = await stage(t, {}, answer);
  const kinds = [
    (mark) => [`/openai/files?mark=${mark}`, { headers: { ...CALLER, "x-mark": mark } }],
    (mark) => ["/v1/chat/completions", { ...CHAT, body: { ...CHAT.body, user: mark } }],
    (mark) => [
      "/v1/messages",
      {
        ...CHAT,
        body: { model: "openai/gpt-4o", max_tokens: 1, messages: [{ role: "user", content: mark }] },
        headers: { ...CALLER, "x-mark": mark },
      },
    ],
    (mark) => ["/openai/upload", { method: "POST", headers: CALLER, body: mark.repeat(20_000) }],
    (mark) => [
      "/v1/chat/completions",
      { method: "POST", headers: CALLER, body: { model: "echo/any", messages: [{ role: "user", content: mark }] } },
    ],
  ];
  const calls = Array.from({ length: 200 }, async (_, index) => {
    const mark = `mark-${index}-`;
    const [path, options] = kinds[index % kinds.length](mark);
    const { status, text } = await ask(worker.url + path, {
      ...options,
      cf: index % 3 ? undefined : { country: "HK", colo: "HKG" },
    });
    assert.equal(status, 200, text);
    const others = (text.match(/mark-\d+-/g) ?? []).filter((one) => one !== mark);
    assert.deepEqual(others, [], `${path} of ${mark}`);
    if (!path.startsWith("/v1/messages")) assert.ok(text.includes(mark), text.slice(0, 500));
  });
  await Promise.all(calls);
  assert.ok(!worker.logs.text().includes("error"), worker.logs.text());
});

test("a call that is given up for another key leaves the rest alone", async (t) => {
  const vars = { ...VARS, OPENAI_API_KEY: '["sk-refused-0", "sk-good-1111"]' };
  const { worker } = await stage(t, { vars }, (request, response, record) =>
    request.headers.authorization.includes("refused")
      ? json({ error: { message: "no" } }, 401)(request, response, record)
      : json({ ok: true })(request, response, record),
  );
  const answers = await Promise.all(Array.from({ length: 50 }, () => ask(`${worker.url}/v1/chat/completions`, CHAT)));
  assert.deepEqual(tally(answers.map((one) => one.status)), { 200: 50 });
});
