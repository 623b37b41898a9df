// Streams by hand: the provider sends its next piece only after the client has the last one, so nothing can have been
// held back; and a client that leaves takes the call to the provider with it.

import assert from "node:assert/strict";
import { once } from "node:events";
import test from "node:test";
import { CALLER, CHAT, stage, VARS } from "./stage.mjs";
import { ask, open, pieces, pour, settled } from "./upstream.mjs";

const chunk = (delta, finish_reason = null) =>
  `data: ${JSON.stringify({ id: "c", object: "chat.completion.chunk", choices: [{ index: 0, delta, finish_reason }] })}\n\n`;
const EVENTS = [
  chunk({ role: "assistant", content: "one" }),
  chunk({ content: "two" }),
  chunk({}, "stop"),
  "data: [DONE]\n\n",
];
const STREAMED = { ...CHAT, body: { ...CHAT.body, stream: true } };
const MESSAGES = {
  method: "POST",
  headers: CALLER,
  body: { model: "openai/gpt-4o", max_tokens: 9, stream: true, messages: [{ role: "user", content: "hi" }] },
};

/** The provider's answers, as they begin. */
function answers(provider, type = "text/event-stream") {
  const waiting = [];
  const begun = [];
  provider.answer = (_request, response) => {
    response.writeHead(200, { "content-type": type });
    response.flushHeaders();
    const next = waiting.shift();
    next ? next(response) : begun.push(response);
  };
  return () => (begun.length ? begun.shift() : new Promise((resolve) => waiting.push(resolve)));
}

const HK = { country: "HK", colo: "HKG" };
const KINDS = [
  ["a stream that passes as it is", "/v1/chat/completions", STREAMED, ["one", "two", "stop", "[DONE]"]],
  ["a translated stream", "/v1/messages", MESSAGES, ["one", "two", undefined, "message_stop"]],
  ["a pass-through", "/openai/chat/completions", STREAMED, ["one", "two", "stop", "[DONE]"]],
];

for (const [kind, path, plain, expected] of KINDS) {
  for (const [what, options] of [
    [kind, plain],
    [`${kind}, through a region,`, { ...plain, cf: HK }],
  ]) {
    test(`${what} comes piece by piece`, async (t) => {
      const { provider, worker } = await stage(t);
      const begins = answers(provider);
      const [response, answer] = await Promise.all([begins().then(first), open(worker.url + path, options)]);
      assert.deepEqual([answer.status, answer.headers["content-type"].split(";")[0]], [200, "text/event-stream"]);
      assert.equal(answer.headers["x-wharf-egress"], options.cf ? "wnam" : "direct");
      const next = pieces(answer.stream);
      for (const [index, sign] of expected.entries()) {
        if (index > 0) response.write(EVENTS[index]);
        for (let seen = ""; sign !== undefined && !seen.includes(sign);) seen += (await next()) ?? assert.fail(seen);
      }
      response.end();
      for (let piece = ""; piece !== undefined;) piece = await next();
      assert.ok(answer.stream.complete);
    });

    test(`${what} ends at the provider when the client leaves`, async (t) => {
      const { provider, worker } = await stage(t);
      const begins = answers(provider);
      const [response, answer] = await Promise.all([begins().then(first), open(worker.url + path, options)]);
      await pieces(answer.stream)();
      await leave(answer, response, worker);
    });
  }
}

/**
 * Leaves, and goes on sending until the provider sees its connection closed: workerd on one machine, other than
 * Cloudflare's servers, looks at the client's connection only when it writes to it.
 */
async function leave(answer, response, worker) {
  let closed = false;
  response.on("close", () => (closed = true));
  answer.stream.on("error", () => undefined);
  answer.sending.destroy();
  for (let turn = 0; !closed; turn += 1) {
    assert.ok(turn < 1000, "the provider is never told");
    response.write(EVENTS[1]);
    await ask(`${worker.url}/health`);
  }
  assert.ok(!response.writableFinished);
}

// The head may wait for the first event.
function first(response) {
  response.write(EVENTS[0]);
  return response;
}

test("a client that leaves is in the log", async (t) => {
  const { provider, worker } = await stage(t);
  const begins = answers(provider);
  const [response, answer] = await Promise.all([
    begins().then(first),
    open(`${worker.url}/v1/chat/completions`, STREAMED),
  ]);
  await pieces(answer.stream)();
  await leave(answer, response, worker);
  const [line] = await worker.logs.until(1, (one) => one.client_gone === true);
  assert.deepEqual([line.path, line.status, line.provider], ["/v1/chat/completions", 200, "openai"]);
});

test("what had gone to a client that leaves is counted", async (t) => {
  const { provider, worker } = await stage(t);
  const begins = answers(provider);
  const [response, answer] = await Promise.all([begins().then(first), open(`${worker.url}/v1/messages`, MESSAGES)]);
  await pieces(answer.stream)();
  await leave(answer, response, worker);
  const [line] = await worker.logs.until(1, (one) => one.client_gone === true);
  assert.ok(line.bytes > 0, JSON.stringify(line));
});

// workerd on one machine tells nobody of a client that leaves before anything was written to it; Cloudflare's servers do,
// by the request's signal. Here it is aborted once `gate.example` answers.
const LEAVING = `
  import worker from "./index.js";
  export { KeyRotationManager, LlmProxyDO } from "./index.js";
  export default { ...worker, fetch(request, env, context) {
    const leaving = new AbortController();
    context.waitUntil(fetch("https://gate.example/").then(() => leaving.abort()));
    return worker.fetch(new Request(request, { signal: leaving.signal }), env, context);
  } };`;

for (const cf of [undefined, HK]) {
  test(`a client that leaves before the head ends the call, ${cf ? "through a region" : "directly"} too`, async (t) => {
    const { provider, worker } = await stage(t, { source: LEAVING });
    const [gate, call] = [Promise.withResolvers(), Promise.withResolvers()];
    provider.answer = (request, response, { host }) => (host === "gate.example" ? gate : call).resolve(response);
    const answered = ask(`${worker.url}/v1/chat/completions`, { ...CHAT, cf });
    const closed = once((await call.promise).socket, "close");
    (await gate.promise).end();
    await closed;
    await answered;
    const [line] = await worker.logs.until(1, (one) => one.client_gone === true);
    assert.deepEqual([line.path, line.provider], ["/v1/chat/completions", "openai"]);
  });
}

for (const [what, path, options, piece] of [
  ["a stream that passes as it is", "/v1/chat/completions", STREAMED, chunk({ content: "x".repeat(60_000) })],
  ["a translated stream", "/v1/messages", MESSAGES, chunk({ content: "x".repeat(60_000) })],
  ["a pass-through", "/openai/files/1/content", { headers: CALLER }, "x".repeat(60_000)],
]) {
  test(`a client that does not read holds ${what} up`, async (t) => {
    const { provider, worker } = await stage(t);
    const begins = answers(provider);
    const [response, answer] = await Promise.all([begins().then(first), open(worker.url + path, options)]);
    answer.stream.pause();
    const poured = pour(response, piece, 1000);
    const taken = await settled(poured, worker);
    assert.ok(taken < 400, `${taken} of 1000 pieces of 60 kB were taken while nobody read them`);
    answer.sending.destroy();
    await poured.done;
  });
}

test("the answer's head does not wait for its body", async (t) => {
  const { provider, worker } = await stage(t);
  const begins = answers(provider, "application/octet-stream");
  const [response, answer] = await Promise.all([
    begins(),
    open(`${worker.url}/openai/files/1/content`, { headers: CALLER }),
  ]);
  response.end("late");
  assert.equal(await answer.text(), "late");
});

test("silence ends a stream with an error event, and a head that does not come is 504", async (t) => {
  const timeouts = { first_byte_ms: 300, idle_ms: 300 };
  const vars = { ...VARS, WHARF_CONFIG: JSON.stringify({ providers: { openai: { timeouts } } }) };
  const { provider, worker } = await stage(t, { vars });
  const begins = answers(provider);
  const [response, answer] = await Promise.all([
    begins().then(first),
    open(`${worker.url}/v1/chat/completions`, STREAMED),
  ]);
  const closed = once(response, "close");
  const text = await answer.text();
  assert.ok(text.startsWith(EVENTS[0]) && text.includes('"error"') && !text.includes("[DONE]"), text);
  assert.ok(answer.stream.complete);
  await closed;

  provider.answer = () => undefined;
  const late = await ask(`${worker.url}/v1/chat/completions`, CHAT);
  assert.deepEqual([late.status, JSON.parse(late.text).error.code], [504, "upstream_timeout"]);
});

test("usage of a stream that passes is in the log", async (t) => {
  const { provider, worker } = await stage(t);
  const usage = {
    id: "c",
    object: "chat.completion.chunk",
    choices: [],
    usage: { prompt_tokens: 3, completion_tokens: 2 },
  };
  provider.answer = (_request, response) => {
    response.writeHead(200, { "content-type": "text/event-stream" });
    response.end(EVENTS.slice(0, 3).join("") + `data: ${JSON.stringify(usage)}\n\n${EVENTS[3]}`);
  };
  assert.equal((await ask(`${worker.url}/v1/chat/completions`, STREAMED)).status, 200);
  const [line] = await worker.logs.until(1, (one) => one.path === "/v1/chat/completions");
  assert.deepEqual([line.input_tokens, line.output_tokens, line.cut, line.client_gone], [3, 2, undefined, undefined]);
});

test("while nothing comes a translated stream shows signs of life, and in their order", async (t) => {
  const vars = { ...VARS, WHARF_CONFIG: JSON.stringify({ keepalive_ms: 50 }) };
  const { provider, worker } = await stage(t, { vars });
  const begins = answers(provider);
  const [response, answer] = await Promise.all([begins().then(first), open(`${worker.url}/v1/messages`, MESSAGES)]);
  const next = pieces(answer.stream);
  let seen = "";
  while (seen.split(": keep-alive\n\n").length < 3) seen += (await next()) ?? assert.fail(seen);
  response.end(EVENTS.slice(1).join(""));
  for (let piece; (piece = await next()) !== undefined;) seen += piece;
  const events = seen.replaceAll(": keep-alive\n\n", "").split("\n\n").slice(0, -1);
  assert.ok(events.every((event) => event.startsWith("event: ")) && seen.includes('"two"'), seen);
  assert.equal(events.at(-1).split("\n")[0], "event: message_stop");
});

for (const [kind, path, options] of KINDS.slice(0, 2)) {
  test(`${kind} ends with an error event when its time is over`, async (t) => {
    const { provider, worker } = await stage(t);
    const begins = answers(provider);
    const headers = { ...CALLER, "x-wharf-timeout": "500ms" };
    const opened = open(worker.url + path, { ...options, headers });
    const [response, answer] = await Promise.all([begins().then(first), opened]);
    const left = once(response, "close");
    const text = await answer.text();
    assert.ok(text.includes('"one"') && text.includes('"error"') && !text.includes("message_stop"), text);
    await left;
    const [line] = await worker.logs.until(1, (one) => one.status === 200);
    assert.ok(line.bytes >= text.length, JSON.stringify(line));
  });
}
