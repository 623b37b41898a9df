// Plain answers of model routes, as on the native server: held while they are short, so that what is none is a real error;
// counted; and never silent for longer than the limit.

import assert from "node:assert/strict";
import { once } from "node:events";
import test from "node:test";
import zlib from "node:zlib";
import { CALLER, CHAT, stage, VARS } from "./stage.mjs";
import { ask, open } from "./upstream.mjs";

const PATH = "/v1/chat/completions";
const HK = { country: "HK", colo: "HKG" };

/** A whole answer with so many characters in it. */
function whole(length = 2) {
  const message = { role: "assistant", content: "x".repeat(length) };
  const usage = { prompt_tokens: 3, completion_tokens: 2 };
  return JSON.stringify({ id: "c", choices: [{ index: 0, message, finish_reason: "stop" }], usage });
}

/** The Worker before a provider that may be silent for 300 ms. */
function quick(t, sections = {}) {
  const providers = { openai: { timeouts: { idle_ms: 300 } } };
  return stage(t, { vars: { ...VARS, WHARF_CONFIG: JSON.stringify({ providers, ...sections }) } });
}

/** Answers with these headers, and leaves the body to `write`. */
function answering(provider, headers, write, status = 200) {
  provider.answer = async (_request, response, record) => {
    await record.body();
    response.writeHead(status, { "content-type": "application/json", ...headers });
    response.flushHeaders();
    write(response);
  };
}

const cut = (text) => (response) => response.write(text, () => response.socket.destroy());
const silent = (text) => (response) => response.write(text);
const ended = (text) => (response) => response.end(text);

/** What comes behind the head, and what the client gets. */
const NONE = [
  ["nothing, and says so", { "content-length": 0 }, ended(""), 502, "upstream_unreachable"],
  ["nothing", {}, ended(""), 502, "upstream_unreachable"],
  ["half of what it announces", { "content-length": 100 }, cut(whole().slice(0, 40)), 502, "upstream_unreachable"],
  ["half an answer, and breaks off", {}, cut(whole().slice(0, 40)), 502, "upstream_unreachable"],
  ["half an answer, and ends", {}, ended(whole().slice(0, 40)), 502, "upstream_unreachable"],
  ["half an answer of its length", { "content-length": 40 }, ended(whole().slice(0, 40)), 502, "upstream_unreachable"],
  ["a page", { "content-length": 6 }, ended("<html>"), 502, "upstream_unreachable"],
  ["half of what it announces, then silence", { "content-length": 100 }, silent("{"), 504, "upstream_timeout"],
  ["half an answer, then silence", {}, silent("{"), 504, "upstream_timeout"],
  ["silence", {}, () => undefined, 504, "upstream_timeout"],
  ["silence in place of what it announces", { "content-length": 100 }, () => undefined, 504, "upstream_timeout"],
];

for (const [where, cf] of [
  ["", undefined],
  [" through a region", HK],
]) {
  test(`a 200${where} that holds no answer is an error, and its connection ends`, async (t) => {
    const { provider, worker } = await quick(t);
    for (const [turn, [what, headers, write, status, code]] of NONE.entries()) {
      let closed;
      answering(provider, headers, (response) => {
        closed = once(response, "close");
        write(response);
      });
      const answer = await ask(worker.url + PATH, { ...CHAT, cf });
      assert.deepEqual([answer.status, JSON.parse(answer.text).error.code], [status, code], what);
      await closed;
      const lines = await worker.logs.until(turn + 1, (one) => one.path === PATH);
      assert.deepEqual([lines[turn].status, lines[turn].error], [status, code], what);
    }
  });
}

test("fewer bytes than were announced are a cut, should the platform take them for all", async (t) => {
  const source = `
    import worker from "./index.js";
    export * from "./index.js";
    const { arrayBuffer } = Response.prototype;
    Response.prototype.arrayBuffer = async function () { return (await arrayBuffer.call(this)).slice(0, 40); };
    export default worker;`;
  const { provider, worker } = await stage(t, { source });
  const text = whole();
  answering(provider, { "content-length": text.length }, ended(text));
  for (const cf of [undefined, HK]) {
    const answer = await ask(worker.url + PATH, { ...CHAT, cf });
    assert.deepEqual([answer.status, JSON.parse(answer.text).error.code], [502, "upstream_unreachable"]);
  }
});

test("an error in a 200 keeps its words and gets its status", async (t) => {
  const { provider, worker } = await quick(t);
  const error = JSON.stringify({ error: { message: "overloaded", code: 503 } });
  for (const headers of [{}, { "content-length": error.length }]) {
    answering(provider, { ...headers, "x-request-id": "theirs" }, ended(error));
    const answer = await ask(worker.url + PATH, CHAT);
    assert.deepEqual([answer.status, answer.text], [503, error]);
    assert.equal(answer.headers["content-type"], "application/json");
  }
});

test("an answer comes as it was sent, and its usage is in the log", async (t) => {
  const { provider, worker } = await quick(t);
  let asked = 0;
  for (const [what, length, headers, encode] of [
    ["with its length", 2, (body) => ({ "content-length": body.length }), Buffer.from],
    ["without a length", 2, () => ({}), Buffer.from],
    ["in a coding", 2, (body) => ({ "content-length": body.length, "content-encoding": "gzip" }), zlib.gzipSync],
    ["of 1 MB with its length", 1e6, (body) => ({ "content-length": body.length }), Buffer.from],
    ["of 1 MB without a length", 1e6, () => ({}), Buffer.from],
  ]) {
    const text = whole(length);
    const body = encode(text);
    answering(provider, headers(body), ended(body));
    for (const cf of [undefined, HK]) {
      const answer = await ask(worker.url + PATH, { ...CHAT, cf, headers: { ...CALLER, "accept-encoding": "gzip" } });
      assert.deepEqual([answer.status, answer.headers["content-encoding"]], [200, undefined], what);
      assert.ok(answer.text === text, what);
      if (what.includes("its length")) assert.equal(answer.headers["content-length"], `${text.length}`, what);
      asked += 1;
      const lines = await worker.logs.until(asked, (one) => one.path === PATH);
      const { input_tokens, output_tokens, bytes, client_gone } = lines[asked - 1];
      assert.deepEqual([input_tokens, output_tokens, bytes, client_gone], [3, 2, text.length, undefined], what);
    }
  }
});

test("an answer that takes its time goes out as far as it is there, and is cut when it falls silent", async (t) => {
  const { provider, worker } = await quick(t, { hold_ms: 50 });
  let begun;
  answering(provider, {}, (response) => (begun = response).write(whole().slice(0, 40)));
  const answer = await open(worker.url + PATH, CHAT);
  const left = once(begun, "close");
  assert.equal(answer.status, 200);
  await assert.rejects(answer.text());
  await left;
  const [line] = await worker.logs.until(1, (one) => one.path === PATH);
  assert.deepEqual([line.status, line.cut, line.bytes], [200, true, 40]);
});

test("what is passed on as it comes is cut when it falls silent", async (t) => {
  const { provider, worker } = await quick(t);
  const long = `[${"1,".repeat(50_000)}`;
  for (const [turn, [what, status, headers, text]] of [
    ["a long answer", 200, {}, long],
    ["a long answer with its length", 200, { "content-length": 400_000 }, long],
    ["sound", 200, { "content-type": "audio/mpeg" }, "abc"],
    ["an error", 400, {}, '{"error":'],
    ["an error with its length", 400, { "content-length": 100 }, '{"error":'],
  ].entries()) {
    let begun;
    answering(provider, headers, (response) => (begun = response).write(text), status);
    const answer = await open(worker.url + PATH, CHAT);
    const left = once(begun, "close");
    assert.equal(answer.status, status, what);
    await assert.rejects(answer.text(), what);
    await left;
    const lines = await worker.logs.until(turn + 1, (one) => one.path === PATH);
    assert.equal(lines[turn].cut, true, what);
  }
});
