// A body that is read piece by piece, with a limit on silence.

import { CLOSED, END, IDLE_TIMEOUT } from "./events.js";

// What one read may bring: everything that has arrived, up to this.
const ROOM = 64 * 1024;
// The first one, as most bodies are short and memory is cleared before it is filled.
const LITTLE = 8 * 1024;

const NOTHING = Promise.resolve({ done: true, value: undefined });

// Something that came about in a way that wasm knows by its number.
export class Failed extends Error {
  constructor(kind) {
    super(`event ${kind}`);
    this.kind = kind;
  }
}

export class Source {
  // Milliseconds; 0: no limit.
  idle = 0;
  stream;
  // All of it, where it comes at once.
  #whole;
  #reader = null;
  #coming = null;
  #room = null;
  #size = LITTLE;
  #timer = null;
  #since = Infinity;
  #silent = null;

  constructor(stream, whole = null) {
    this.stream = stream;
    this.#whole = whole;
  }

  // A read is under way, or its piece was not taken.
  get reads() {
    return this.#coming !== null || this.#whole !== null;
  }

  // The next piece. It stays the next one until it is taken, so that a reader who gives up loses nothing.
  peek() {
    if (this.stream === null && !this.reads) return NOTHING;
    this.#coming ??= this.#read();
    return this.idle === 0 ? this.#coming : Promise.race([this.#coming, this.#silence()]);
  }

  take() {
    this.#coming = null;
  }

  async next() {
    const read = await this.peek();
    this.take();
    return read;
  }

  // The piece's memory may be used for another one.
  reuse(value) {
    if (value.buffer.byteLength === ROOM) this.#room = value.buffer;
  }

  // Two branches of what is left: a stream, and a source. No read may be under way.
  split() {
    this.close();
    this.#reader?.releaseLock();
    this.#reader = null;
    const [straight, branch] = this.stream.tee();
    this.stream = null;
    const beside = new Source(branch);
    beside.idle = this.idle;
    return [straight, beside];
  }

  // Shows everything to `see`, reading seldom, until the end; gives how that was. `over` settles once it is near.
  async watch(over, seldom, see) {
    let wake = () => {};
    let near = false;
    over.then(() => {
      near = true;
      wake();
    });
    const pause = this.idle === 0 ? seldom : Math.min(seldom, this.idle / 2);
    try {
      for (;;) {
        const { done, value } = await this.next();
        if (done) return END;
        see(value);
        const full = value.byteLength === value.buffer.byteLength;
        this.reuse(value);
        if (full || near) continue;
        await new Promise((resolve) => {
          const timer = setTimeout(resolve, pause);
          wake = () => (clearTimeout(timer), resolve());
        });
      }
    } catch (error) {
      return error.kind ?? CLOSED;
    } finally {
      this.cancel();
    }
  }

  cancel() {
    this.close();
    if (this.#reader) this.#reader.cancel().catch(() => {});
    else if (this.stream && !this.stream.locked) this.stream.cancel().catch(() => {});
  }

  close() {
    clearTimeout(this.#timer);
    this.#timer = null;
    this.#silent = null;
  }

  async #read() {
    if (this.#whole !== null) return this.#all();
    this.#reader ??= this.stream.getReader({ mode: "byob" });
    const room = this.#room ?? new ArrayBuffer(this.#size);
    this.#room = null;
    this.#size = ROOM;
    this.#since = Date.now();
    const read = await this.#reader.read(new Uint8Array(room));
    this.#since = Infinity;
    if (read.done) this.close();
    return read;
  }

  async #all() {
    this.#since = Date.now();
    const value = new Uint8Array(await this.#whole);
    this.#whole = null;
    this.close();
    return { done: false, value };
  }

  // Rejects once a read has waited too long. One timer serves many reads: it is set again for what is left.
  #silence() {
    this.#silent ??= new Promise((_, reject) => {
      const look = () => {
        const left = this.#since + this.idle - Date.now();
        if (left <= 0) reject(new Failed(IDLE_TIMEOUT));
        else this.#timer = setTimeout(look, Math.min(left, this.idle));
      };
      this.#timer = setTimeout(look, this.idle);
    });
    return this.#silent;
  }
}
