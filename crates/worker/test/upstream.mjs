// A provider that a test plays: every request that the Worker sends arrives here, whatever its host. Records requests,
// answers by script; and the client, which shows an answer as it comes.

import http from "node:http";
import { once } from "node:events";

/**
 * Starts an upstream. `answer(request, response, record)` may be replaced at any time; it is called once the head is in.
 * `requests` has one record each: `method`, `host`, `target`, `headers`, and `body`, a promise.
 */
export async function upstream(answer = (_request, response) => response.end("{}")) {
  const own = { requests: [], answer };
  const server = http.createServer((request, response) => {
    const { method, url: target, headers } = request;
    const record = { method, host: headers.host, target, headers };
    record.json = async () => JSON.parse(await record.body());
    record.body = async () => (record.text ??= await text(request));
    own.requests.push(record);
    own.answer(request, response, record);
  });
  server.keepAliveTimeout = 600_000;
  server.requestTimeout = 0;
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  own.address = `127.0.0.1:${server.address().port}`;
  own.stop = () => {
    server.close();
    server.closeAllConnections();
  };
  return own;
}

/** Answers with JSON, once the request's body is in. */
export function json(value, status = 200, headers = {}) {
  return async (_request, response, record) => {
    await record.body();
    response.writeHead(status, { "content-type": "application/json", ...headers });
    response.end(JSON.stringify(value));
  };
}

/** The requests' values of something, how often each came. */
export function tally(values) {
  const counts = {};
  for (const value of values) counts[value] = (counts[value] ?? 0) + 1;
  return counts;
}

/**
 * Sends a request on a connection of its own and resolves with the answer's head: `status`, `headers`, `stream`, and
 * `text()`, `json()` for the body. `upload`: the body is written by the test, into `sending`.
 */
export async function open(url, { method = "GET", headers = {}, body, cf, upload = false } = {}) {
  const placed = cf === undefined ? {} : { "mf-cf-blob": JSON.stringify(cf) };
  const bytes = body === undefined || typeof body === "string" || Buffer.isBuffer(body) ? body : JSON.stringify(body);
  const sending = http.request(url, { method, headers: { ...placed, ...headers }, agent: false });
  const answered = once(sending, "response").then(([response]) => ({
    status: response.statusCode,
    headers: response.headers,
    stream: response,
    sending,
    text: () => text(response),
    json: async () => JSON.parse(await text(response)),
  }));
  if (upload) {
    answered.catch(() => undefined);
    return { sending, answered };
  }
  sending.end(bytes);
  return answered;
}

/** Sends a request and reads the answer: `status`, `headers`, `text`. */
export async function ask(url, options) {
  const answer = await open(url, options);
  return { status: answer.status, headers: answer.headers, text: await answer.text() };
}

/** Reads pieces of a stream one by one. */
export function pieces(stream) {
  const iterator = stream[Symbol.asyncIterator]();
  return async () => {
    const { value, done } = await iterator.next();
    return done ? undefined : value.toString();
  };
}

/** Writes a piece so many times, as fast as it is taken; `taken` counts them, `done` comes after the last. */
export function pour(out, piece, times) {
  const poured = { taken: 0 };
  const closed = once(out, "close");
  poured.done = (async () => {
    for (; poured.taken < times; poured.taken += 1) {
      if (!out.write(piece)) await Promise.race([new Promise((resolve) => out.once("drain", resolve)), closed]);
      if (out.destroyed) return;
    }
  })();
  return poured;
}

/** How many pieces were taken, once two looks, round trips through the Worker between them, find no more. */
export async function settled(poured, worker) {
  for (let before = -1; ;) {
    if (poured.taken === before) return before;
    before = poured.taken;
    for (let turn = 0; turn < 100; turn += 1) await ask(`${worker.url}/health`);
  }
}

async function text(stream) {
  const parts = [];
  for await (const part of stream) parts.push(part);
  return Buffer.concat(parts).toString();
}
