// Answers that a provider compresses: read by us they are undone, passed on they are what was sent; either way the
// client reads what the provider wrote.

import assert from "node:assert/strict";
import test from "node:test";
import zlib from "node:zlib";
import { CALLER, CHAT, stage, VARS } from "./stage.mjs";
import { open } from "./upstream.mjs";

const CODINGS = {
  gzip: [zlib.gzipSync, zlib.gunzipSync],
  br: [zlib.brotliCompressSync, zlib.brotliDecompressSync],
  zstd: [zlib.zstdCompressSync, zlib.zstdDecompressSync],
  deflate: [zlib.deflateSync, zlib.inflateSync],
};
const choice = { index: 0, finish_reason: "stop", message: { role: "assistant", content: "grüße" } };
const WHOLE = JSON.stringify({
  id: "c",
  object: "chat.completion",
  choices: [choice],
  usage: { prompt_tokens: 3, completion_tokens: 2 },
});
const chunk = (delta, finish_reason) =>
  JSON.stringify({ id: "c", object: "chat.completion.chunk", choices: [{ index: 0, delta, finish_reason }] });
const STREAM = [chunk({ content: "grüße" }, null), chunk({}, "stop"), "[DONE]"]
  .map((data) => `data: ${data}\n\n`)
  .join("");
const messages = [{ role: "user", content: "hi" }];

/** A client that decodes what it is said to decode. */
async function decoded(answer) {
  const parts = [];
  for await (const part of answer.stream) parts.push(part);
  const coding = answer.headers["content-encoding"];
  return (coding ? CODINGS[coding][1](Buffer.concat(parts)) : Buffer.concat(parts)).toString();
}

for (const [coding, [encode]] of Object.entries(CODINGS)) {
  test(`${coding}: the client reads what the provider wrote`, async (t) => {
    const { provider, worker } = await stage(t);
    provider.answer = async (_request, response, record) => {
      const { stream } = JSON.parse((await record.body()) || '{"stream": false}');
      const type = stream ? "text/event-stream" : "application/json";
      const asked = (record.headers["accept-encoding"] ?? "").includes(coding);
      response.writeHead(200, { "content-type": type, ...(asked ? { "content-encoding": coding } : {}) });
      const body = Buffer.from(stream ? STREAM : WHOLE);
      response.end(asked ? encode(body) : body);
    };
    const headers = { ...CALLER, "accept-encoding": coding };
    for (const [path, body, expected] of [
      ["/openai/files", undefined, WHOLE],
      ["/v1/chat/completions", { model: "openai/gpt-4o", messages }, WHOLE],
      ["/v1/chat/completions", { model: "openai/gpt-4o", messages, stream: true }, STREAM],
      ["/v1/messages", { model: "openai/gpt-4o", max_tokens: 9, messages }, undefined],
      ["/v1/messages", { model: "openai/gpt-4o", max_tokens: 9, messages, stream: true }, undefined],
    ]) {
      const method = body === undefined ? "GET" : "POST";
      for (const cf of [undefined, { country: "HK", colo: "HKG" }]) {
        const answer = await open(worker.url + path, { method, headers, body, cf });
        const text = await decoded(answer);
        assert.equal(answer.status, 200, text);
        if (expected !== undefined) assert.equal(text, expected, path);
        else assert.ok(text.includes("grüße") && /end_turn/.test(text), text);
      }
    }
  });
}

test("a decoded answer is no larger than the largest that is held", async (t) => {
  const bomb = zlib.gzipSync(Buffer.alloc(200 << 20, " "), { level: 9 });
  const { provider, worker } = await stage(t, { vars: VARS });
  provider.answer = (_request, response) => {
    response.writeHead(200, { "content-type": "application/json", "content-encoding": "gzip" });
    response.end(bomb);
  };
  const request = {
    ...CHAT,
    headers: { ...CALLER, "accept-encoding": "gzip" },
    body: { model: "openai/gpt-4o", max_tokens: 9, messages },
  };
  const answer = await open(`${worker.url}/v1/messages`, request);
  assert.equal(answer.status, 502, (await decoded(answer)).slice(0, 300));
});
