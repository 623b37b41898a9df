// Answers that go through our hands. One that breaks off ends as wasm says.
//
// Verbatim, the platform pipes: every chunk that JavaScript touches costs as much as all the rest of its way. Wasm sees a
// second branch of the stream, read seldom and in large pieces.

import { CLOSED, END, IDLE_TIMEOUT } from "./events.js";

// Relays a body as it comes: what `lane` sees of it, every `lane.look` milliseconds, and adds at its end, is wasm's.
export async function pipe(source, writable, lane, first, gone) {
  const out = new Out(writable, lane);
  let quiet = null;
  try {
    await out.write(first);
    // Somebody began to read and gave up: that piece comes first.
    if (source.reads) {
      const { done, value } = await source.next();
      if (done) return await out.end(lane.ended(END));
      lane.piece(value);
      await out.write(value);
    }
    if (source.stream === null) return await out.end(lane.ended(END));
    const [straight, beside] = source.split();
    out.release();
    const stop = new AbortController();
    const piped = straight.pipeTo(writable, { preventClose: true, preventAbort: true, signal: stop.signal });
    const over = piped.then(
      () => END,
      () => CLOSED,
    );
    // Nothing of ours can be put in while the platform pipes: only the end of its time can come here.
    quiet = new Quiet(lane, null, () => {
      stop.abort();
      beside.cancel();
    });
    const watched = await beside.watch(over, lane.look, (piece) => {
      lane.sent += piece.byteLength;
      lane.piece(piece);
    });
    if (watched !== END) stop.abort();
    const ended = await over;
    if (!gone()) await out.end(lane.ended(quiet.ended(watched === END ? ended : watched)));
  } catch (error) {
    await out.failed(error, () => lane.ended(error.kind ?? CLOSED), gone);
  } finally {
    quiet?.close();
    source.cancel();
    lane.left(lane.sent);
  }
}

// What happens while nothing comes: `say` gets signs of life for the client, `stop` ends the reading once the answer's time
// is over. One timer serves many pieces.
class Quiet {
  // What broke: a trap.
  trap = null;
  over = false;
  #timer;
  #lane;
  #say;
  #stop;

  constructor(lane, say, stop) {
    this.#lane = lane;
    this.#say = say;
    this.#stop = stop;
    this.#wait(lane.wait);
  }

  #wait(wait) {
    if (wait > 0) this.#timer = setTimeout(() => this.#look(), wait);
  }

  #look() {
    try {
      const { out, wait, over } = this.#lane.quiet();
      this.over = over;
      if (over) return this.#stop();
      if (out.byteLength > 0) this.#say(out);
      this.#wait(wait);
    } catch (trap) {
      this.trap = trap;
      this.#stop();
    }
  }

  // The reading ended so: for wasm, how the answer did.
  ended(how) {
    if (this.trap) throw this.trap;
    return this.over ? IDLE_TIMEOUT : how;
  }

  close() {
    clearTimeout(this.#timer);
  }
}

// Relays a body that wasm makes anew, as many events at once as have come.
export async function translate(source, writable, lane, first, gone) {
  const out = new Out(writable, lane);
  // A client that takes nothing hears nothing either.
  const say = (sign) => out.busy || out.write(sign).catch(() => source.cancel());
  const quiet = new Quiet(lane, say, () => source.cancel());
  // While nothing is written, this is how the client's leaving shows.
  out.writer.closed.catch(() => source.cancel());
  try {
    await out.write(first);
    for (;;) {
      const { done, value } = await source.next();
      if (done) break;
      const { out: bytes, over } = lane.piece(value);
      source.reuse(value);
      await out.write(bytes);
      if (over) break;
    }
    await out.end(lane.ended(quiet.ended(END)));
  } catch (error) {
    await out.failed(quiet.trap ?? error, () => lane.ended(quiet.ended(error.kind ?? CLOSED)), gone);
  } finally {
    quiet.close();
    source.cancel();
    lane.left(lane.sent);
  }
}

// Pieces of our own, with a pause before each.
export async function pace(writable, lane, wait, pieces) {
  const out = new Out(writable, lane);
  out.writer.closed.catch(() => {});
  try {
    for (const piece of pieces) {
      if (wait > 0) await new Promise((resolve) => setTimeout(resolve, wait));
      await out.write(piece);
    }
    await out.end(lane.ended(END));
  } catch {
    // The client is gone.
  } finally {
    lane.left(lane.sent);
  }
}

// The client's side.
class Out {
  // It has not taken the last piece yet.
  busy = false;

  constructor(writable, lane) {
    this.lane = lane;
    this.writable = writable;
    this.writer = writable.getWriter();
  }

  async write(bytes) {
    if (!bytes || bytes.byteLength === 0) return;
    this.busy = true;
    try {
      await this.writer.write(bytes);
    } catch (error) {
      throw new ClientGone(error);
    } finally {
      this.busy = false;
    }
    this.lane.sent += bytes.byteLength;
  }

  release() {
    this.writer.releaseLock();
    this.writer = null;
  }

  // What goes out last, and whether the end is a cut.
  async end({ out: bytes, over: abort }) {
    this.writer ??= this.writable.getWriter();
    await this.write(bytes);
    if (!abort) return await this.writer.close();
    // Where all came at once, the platform has yet to send what it was given: a cut in the same turn takes the head too.
    await new Promise((resolve) => setTimeout(resolve, 0));
    await this.writer.abort(new Error("the upstream's answer broke off"));
  }

  // The upstream failed: the client is told. A trap is a bug: it is cut.
  async failed(error, ended, gone) {
    if (error instanceof ClientGone || gone()) return;
    this.writer ??= this.writable.getWriter();
    if (error instanceof WebAssembly.RuntimeError) {
      this.writer.abort(error).catch(() => {});
      throw error;
    }
    await this.end(ended()).catch(() => {});
  }
}

class ClientGone extends Error {}
