// The core's instance of this isolate: made at the first request, made anew after a trap, as a trap may leave
// anything half done.

import module from "./wharf.wasm";
import file from "./config.js";
import { each } from "./commands.js";

const encoder = new TextEncoder();
const decoder = new TextDecoder();

let current = null;

// The instance that requests begin with. What began with an older one stays with it.
export function instance(env) {
  current ??= new Instance(env);
  return current;
}

export class Instance {
  #exports;
  #memory;
  #bytes;

  constructor(env) {
    const host = {
      now: () => Date.now(),
      panicked: (at, length) => console.error(`wharf: a bug at ${this.text(at >>> 0, length)}`),
      random: (at, length) => crypto.getRandomValues(new Uint8Array(this.#memory.buffer, at >>> 0, length)),
    };
    this.#exports = new WebAssembly.Instance(module, { host }).exports;
    this.#memory = this.#exports.memory;
    this.#bytes = new Uint8Array(this.#memory.buffer);
    this.#text(JSON.stringify({ env: variables(env), file }));
    each(this, this.#exports.configure(), { log: console.warn });
  }

  // The whole memory; what it names moves when the memory grows.
  get bytes() {
    if (this.#bytes.byteLength === 0) this.#bytes = new Uint8Array(this.#memory.buffer);
    return this.#bytes;
  }

  words(at) {
    return new Uint32Array(this.#memory.buffer, at >>> 0);
  }

  text(at, length) {
    return length === 0 ? "" : decoder.decode(this.bytes.subarray(at, at + length));
  }

  #text(text) {
    // A UTF-16 unit becomes three bytes at most.
    const room = text.length * 3;
    const at = this.#exports.room(room) >>> 0;
    const { written } = encoder.encodeInto(text, this.bytes.subarray(at, at + room));
    this.#exports.filled(written);
  }

  #input(chunk) {
    const at = this.#exports.room(chunk.byteLength) >>> 0;
    this.bytes.set(chunk, at);
    this.#exports.filled(chunk.byteLength);
  }

  begin(exchange, head, hasBody) {
    return this.#call(() => {
      this.#text(head);
      return this.#exports.begin(exchange, hasBody);
    });
  }

  // `given` is a text, bytes, or nothing.
  event(exchange, op, kind, given) {
    return this.#call(() => {
      if (typeof given === "string") this.#text(given);
      else if (given) this.#input(given);
      return this.#exports.event(exchange, op, kind);
    });
  }

  piece(exchange, chunk) {
    return this.#call(() => {
      this.#input(chunk);
      return this.#exports.piece(exchange);
    });
  }

  ended(exchange, how) {
    return this.#call(() => this.#exports.ended(exchange, how));
  }

  quiet(exchange) {
    return this.#call(() => this.#exports.quiet(exchange));
  }

  left(exchange, sent) {
    return this.#call(() => this.#exports.left(exchange, sent));
  }

  // One step on a Durable Object's state, both as JSON.
  step(state, op) {
    let stepped = "";
    const at = this.#call(() => {
      this.#text(`{"state":${state},"op":${op}}`);
      return this.#exports.step();
    });
    each(this, at, { stepped: (text) => (stepped = text) });
    if (stepped === "") throw new Error("the step cannot be read");
    return JSON.parse(stepped);
  }

  #call(work) {
    try {
      return work();
    } catch (trap) {
      if (current === this) current = null;
      throw trap;
    }
  }
}

// Text variables and secrets. A variable that was declared as JSON is text again.
function variables(env) {
  const found = [];
  for (const [name, value] of Object.entries(env)) {
    if (typeof value === "string") found.push([name, value]);
    else if (typeof value === "number" || typeof value === "boolean") found.push([name, String(value)]);
    else if (value !== null && typeof value === "object" && isPlain(value)) found.push([name, JSON.stringify(value)]);
  }
  return found;
}

// Bindings (objects, namespaces, fetchers) are no plain data.
function isPlain(value) {
  const proto = Object.getPrototypeOf(value);
  return Array.isArray(value) || proto === Object.prototype || proto === null;
}
