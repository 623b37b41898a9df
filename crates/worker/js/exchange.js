// One request: what wasm decides is carried out here, with the platform's fetch, streams, timers and Durable Objects.

import { Alarm } from "./alarm.js";
import { each } from "./commands.js";
import { reaches, regional, shard } from "./egress.js";
import * as events from "./events.js";
import { changed, head, headers, list } from "./head.js";
import { pace, pipe, translate } from "./relay.js";
import { step } from "./rotation.js";
import { Failed, Source } from "./source.js";
import { collect, upload } from "./upload.js";

let last = 0;

export class Exchange {
  #wasm;
  #id;
  #request;
  #env;
  #ctx;
  #resolve;
  #answered = false;
  // What is under way, by op, with how to stop it.
  #ops = new Map();
  // Answers whose bodies are open, by the op of their call.
  #bodies = new Map();
  #upload = null;
  #idle = null;
  #lane = null;
  #alarm = new Alarm();
  // Which of a region's objects this request leaves through.
  #shard = null;

  constructor(wasm, request, env, ctx) {
    this.#wasm = wasm;
    // A number that fits 32 bits.
    this.#id = last = (last + 1) >>> 0;
    this.#request = request;
    this.#env = env;
    this.#ctx = ctx;
  }

  answer() {
    const answer = new Promise((resolve) => (this.#resolve = resolve));
    const { signal } = this.#request;
    // The platform ends everything of this request with its client: this is the last that runs.
    signal.addEventListener("abort", () => this.#left());
    const text = head(this.#request);
    this.#enter(() => this.#wasm.begin(this.#id, text, this.#hasBody(text) ? 1 : 0));
    return answer;
  }

  // Whether the request has a body. Looking at the body itself costs more than all the rest of the head.
  #hasBody(text) {
    const at = text.indexOf("\ncontent-length\n");
    if (at !== -1) return !text.startsWith("0", at + 16) || (text.length > at + 17 && text[at + 17] !== "\n");
    return this.#request.body !== null;
  }

  // Calls wasm and does what it wants.
  #enter(call) {
    try {
      each(this.#wasm, call(), this);
    } catch (trap) {
      this.#broken(trap);
    }
  }

  #event(op, kind, given) {
    // Nobody waits for what was cancelled.
    if (!this.#ops.delete(op)) return;
    this.#enter(() => this.#wasm.event(this.#id, op, kind, given));
  }

  // A trap in wasm, or a bug here. A credential can be in neither text: wasm's traps hold none, and ours are about types.
  #broken(trap) {
    console.error(`wharf: request ${this.#id} failed: ${trap}`);
    for (const stop of this.#ops.values()) stop?.();
    for (const answer of this.#bodies.values()) answer.source.cancel();
    this.#ops.clear();
    this.#idle?.();
    const error = { message: "this gateway failed", type: "server_error", param: null, code: "internal_error", status: 500 };
    this.#show(Response.json({ error }, { status: 500 }));
  }

  #show(response) {
    this.#answered = true;
    this.#alarm.rest();
    this.#resolve(response);
  }

  // The client has left: wasm cancels what was for it alone, and the line is logged.
  #left() {
    this.#enter(() => this.#wasm.left(this.#id, this.#lane?.sent ?? 0));
    if (!this.#answered) this.#show(new Response(null, { status: 499 }));
  }

  // What wasm wants, as commands.js reads it.

  collect(op, limit) {
    this.#ops.set(op, null);
    collect(this.#request, limit).then(
      (body) => this.#event(op, events.DONE, body),
      (error) => this.#event(op, error.kind ?? events.UPLOAD),
    );
  }

  receive(op) {
    this.#ops.set(op, null);
    this.#upload ??= new Source(this.#request.body);
    const upload = this.#upload;
    upload.peek().then(
      ({ done, value }) => {
        upload.take();
        this.#event(op, done ? events.END : events.PIECE, value);
      },
      () => this.#event(op, events.UPLOAD),
    );
  }

  send(op, wait, head, body) {
    const lines = head.split("\n");
    const [method, url, way] = lines;
    const bodiless = body === null || method === "GET" || method === "HEAD";
    const init = {
      method,
      headers: headers(lines, 3),
      redirect: "manual",
      signal: this.#request.signal,
    };
    if (!bodiless) init.body = body.first ? upload(this.#request, this.#upload, body) : body;
    const came = this.#limit(op, wait, events.HEAD_TIMEOUT);
    const call = way === "direct" ? fetch(url, init) : regional(this.#env, way, (this.#shard ??= shard()), url, init);
    call.then(
      (response) => {
        came();
        // Too late, or not wanted any more.
        if (!this.#ops.has(op)) return response.body?.cancel();
        // The platform takes it from a provider, and gives it to nobody.
        if (response.status > 599) {
          response.body?.cancel();
          return this.#event(op, events.GARBAGE);
        }
        this.#bodies.set(op, new Answer(response));
        this.#event(op, events.DONE, `${response.status}${list(response.headers)}`);
      },
      (error) => {
        came();
        if (this.#request.signal.aborted) this.#left();
        else this.#event(op, error.kind ?? failure(error));
      },
    ).catch((bug) => this.#broken(bug));
  }

  reach(op, way) {
    this.#ops.set(op, null);
    reaches(this.#env, way, (this.#shard ??= shard())).then(
      () => this.#event(op, events.DONE),
      () => this.#event(op, events.OBJECT),
    );
  }

  read(op, body, idle) {
    const came = this.#limit(op, idle, events.IDLE_TIMEOUT);
    const source = this.#bodies.get(body)?.source;
    if (!source) return queueMicrotask(() => (came(), this.#event(op, events.CLOSED)));
    source.peek().then(
      ({ done, value }) => {
        came();
        // Cancelled: the piece waits for whoever reads next.
        if (!this.#ops.has(op)) return;
        source.take();
        this.#event(op, done ? events.END : events.PIECE, value);
      },
      (error) => {
        came();
        this.#event(op, error.kind ?? events.CLOSED);
      },
    );
  }

  whole(op, body, idle) {
    const came = this.#limit(op, idle, events.IDLE_TIMEOUT);
    const answer = this.#bodies.get(body);
    if (!answer) return queueMicrotask(() => (came(), this.#event(op, events.CLOSED)));
    answer.whole().then(
      (bytes) => {
        came();
        if (this.#ops.has(op)) this.#event(op, events.PIECE, new Uint8Array(bytes));
      },
      (error) => {
        came();
        this.#event(op, error.kind ?? events.CLOSED);
      },
    );
  }

  // An op that comes back by itself, in this way, unless something else happens before.
  #limit(op, wait, kind) {
    const off = this.#alarm.after(wait, () => this.#event(op, kind));
    this.#ops.set(op, off);
    return off;
  }

  sleep(op, wait) {
    this.#limit(op, wait, events.DONE);
  }

  call(op, wait, text) {
    this.#ops.set(op, null);
    const at = text.indexOf("\n");
    step(this.#env, text.slice(0, at), text.slice(at + 1), wait).then(
      (reply) => this.#event(op, events.DONE, reply),
      (error) => {
        if (error.kind === undefined) console.warn(`wharf: a key pool's object failed: ${error}`);
        this.#event(op, error.kind ?? events.STORE_FAILED);
      },
    );
  }

  cancel(op) {
    this.#ops.get(op)?.();
    this.#ops.delete(op);
    this.drop(op);
  }

  // One that is being read at once goes on until it is there, or the request is over.
  drop(body) {
    this.#bodies.get(body)?.source.cancel();
    this.#bodies.delete(body);
  }

  respond(status, head, body) {
    this.#show(new Response(body, { status, headers: headers(head.split("\n"), 1) }));
  }

  handOver(status, change, body) {
    const { response } = this.#taken(body);
    this.#show(changed(response, change, status, response.body));
  }

  // `bytes`: null for what `whole` gave.
  held(status, change, body, bytes) {
    const answer = this.#taken(body);
    this.#show(changed(answer.response, change, status, bytes ?? answer.bytes));
  }

  relay(status, head, body, { idle, wait, look, length }, first) {
    const { source } = this.#taken(body);
    source.idle = idle;
    const { readable, writable } = length === null ? new IdentityTransformStream() : new FixedLengthStream(length);
    this.#show(new Response(readable, { status, headers: headers(head.split("\n"), 1) }));
    const lane = this.#through();
    lane.wait = wait;
    lane.look = look;
    const { signal } = this.#request;
    const relayed = (look > 0 ? pipe : translate)(source, writable, lane, first, () => signal.aborted);
    relayed.catch((trap) => this.#broken(trap));
  }

  #taken(body) {
    const answer = this.#bodies.get(body);
    this.#bodies.delete(body);
    return answer;
  }

  pace(status, head, wait, pieces) {
    const { readable, writable } = new IdentityTransformStream();
    this.#show(new Response(readable, { status, headers: headers(head.split("\n"), 1) }));
    pace(writable, this.#through(), wait, pieces).catch((trap) => this.#broken(trap));
  }

  // What relays see of wasm. It may want other things done at the same time.
  #through() {
    const lane = { out: null, over: false, wait: 0, look: 0, sent: 0 };
    const call = (words) => {
      lane.out = null;
      lane.over = false;
      each(this.#wasm, words, this);
      return lane;
    };
    lane.piece = (chunk) => call(this.#wasm.piece(this.#id, chunk));
    lane.ended = (how) => call(this.#wasm.ended(this.#id, how));
    lane.quiet = () => call(this.#wasm.quiet(this.#id));
    lane.left = (sent) => call(this.#wasm.left(this.#id, sent));
    return (this.#lane = lane);
  }

  piece(bytes, over) {
    this.#lane.out = bytes;
    this.#lane.over = over;
  }

  quiet(bytes, wait, over) {
    this.#lane.out = bytes;
    this.#lane.wait = wait;
    this.#lane.over = over;
  }

  end(bytes, abort) {
    this.#lane.out = bytes;
    this.#lane.over = abort;
  }

  log(line) {
    console.log(line);
  }

  // The answer does not wait for this work, and the platform must.
  deferred() {
    this.#ctx.waitUntil(new Promise((resolve) => (this.#idle = resolve)));
  }

  idle() {
    this.#idle?.();
    this.#idle = null;
  }
}

// An answer whose body is open. Most bodies are handed over and never looked at.
class Answer {
  // All of it, once it was read so.
  bytes = null;
  #whole = null;
  #source = null;

  constructor(response) {
    this.response = response;
  }

  // The platform takes half the time for this that pieces take. Only where its length is announced: less than that is a cut.
  whole() {
    return (this.#whole ??= this.response.arrayBuffer().then((bytes) => {
      if (bytes.byteLength !== Number(this.response.headers.get("content-length"))) throw new Failed(events.CLOSED);
      return (this.bytes = bytes);
    }));
  }

  get source() {
    return (this.#source ??= this.#whole === null ? new Source(this.response.body) : new Source(null, this.#whole));
  }
}

// workerd says what went wrong in words only.
function failure(error) {
  const text = String(error?.message ?? error).toLowerCase();
  if (text.includes("dns")) return events.DNS;
  if (text.includes("tls") || text.includes("certificate") || text.includes("ssl")) return events.TLS;
  if (text.includes("refused") || text.includes("unreachable")) return events.CONNECT;
  if (text.includes("protocol") || text.includes("http parse")) return events.GARBAGE;
  return events.CLOSED;
}
