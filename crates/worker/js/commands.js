// What wasm wants done, read from its memory. src/command.rs says what stands where.

const COLLECT = 1;
const RECEIVE = 2;
const SEND = 3;
const READ = 4;
const SLEEP = 5;
const CALL = 6;
const CANCEL = 7;
const DROP = 8;
const RESPOND = 9;
const LOG = 10;
const DEFERRED = 11;
const IDLE = 12;
const PIECE = 13;
const END = 14;
const STEPPED = 15;
const NOTICE = 16;
const REACH = 17;
const QUIET = 18;
const WHOLE = 19;

// A length that is not known.
const UNKNOWN = 0xffffffff;

// Carries out the commands at `place`, in order. What they name in memory is copied before the next call into wasm: so
// nothing here may make one.
export function each(wasm, place, does) {
  const words = wasm.words(place);
  const end = words[0];
  let at = 1;
  const text = () => wasm.text(words[at++], words[at++]);
  while (at < end) {
    switch (words[at++]) {
      case COLLECT:
        does.collect(words[at++], words[at++]);
        break;
      case RECEIVE:
        does.receive(words[at++]);
        break;
      case SEND: {
        const [op, wait] = [words[at++], words[at++]];
        const head = text();
        at = send(wasm, words, at, op, wait, head, does);
        break;
      }
      case READ:
        does.read(words[at++], words[at++], words[at++]);
        break;
      case WHOLE:
        does.whole(words[at++], words[at++], words[at++]);
        break;
      case SLEEP:
        does.sleep(words[at++], words[at++]);
        break;
      case CALL: {
        const [op, wait] = [words[at++], words[at++]];
        does.call(op, wait, text());
        break;
      }
      case CANCEL:
        does.cancel(words[at++]);
        break;
      case DROP:
        does.drop(words[at++]);
        break;
      case RESPOND: {
        const status = words[at++];
        const head = text();
        at = respond(wasm, words, at, status, head, does);
        break;
      }
      case LOG:
        does.log(text());
        break;
      case DEFERRED:
        does.deferred();
        break;
      case IDLE:
        does.idle();
        break;
      case PIECE:
        does.piece(bytes(wasm, words, at), words[at + 2] === 1);
        at += 3;
        break;
      case END:
        does.end(bytes(wasm, words, at), words[at + 2] === 1);
        at += 3;
        break;
      case STEPPED:
        does.stepped(text());
        break;
      case NOTICE:
        does.log(text());
        break;
      case REACH:
        does.reach(words[at++], text());
        break;
      case QUIET:
        does.quiet(bytes(wasm, words, at), words[at + 2], words[at + 3] === 1);
        at += 4;
        break;
      default:
        throw new Error(`command ${words[at - 1]} is not known`);
    }
  }
}

// A copy, as streams keep what they are given.
function bytes(wasm, words, at) {
  return wasm.bytes.slice(words[at], words[at] + words[at + 1]);
}

function send(wasm, words, at, op, wait, head, does) {
  switch (words[at++]) {
    case 0:
      does.send(op, wait, head, null);
      return at;
    case 1: {
      const count = words[at++];
      const body = count === 1 ? bytes(wasm, words, at) : joined(wasm, words.subarray(at, at + 2 * count));
      does.send(op, wait, head, body);
      return at + 2 * count;
    }
    default: {
      const first = bytes(wasm, words, at);
      does.send(op, wait, head, { first, length: words[at + 2] });
      return at + 3;
    }
  }
}

function joined(wasm, places) {
  let length = 0;
  for (let i = 1; i < places.length; i += 2) length += places[i];
  const all = new Uint8Array(length);
  let end = 0;
  for (let i = 0; i < places.length; i += 2) {
    all.set(wasm.bytes.subarray(places[i], places[i] + places[i + 1]), end);
    end += places[i + 1];
  }
  return all;
}

function respond(wasm, words, at, status, head, does) {
  switch (words[at++]) {
    case 0:
      does.respond(status, head, null);
      return at;
    case 1:
      does.respond(status, head, bytes(wasm, words, at));
      return at + 2;
    case 2:
      does.handOver(status, head, words[at]);
      return at + 1;
    case 3: {
      const [body, idle, wait, look, length] = words.subarray(at, at + 5);
      const terms = { idle, wait, look, length: length === UNKNOWN ? null : length };
      does.relay(status, head, body, terms, bytes(wasm, words, at + 5));
      return at + 7;
    }
    case 5:
      does.held(status, head, words[at], words[at + 2] === 0 ? null : bytes(wasm, words, at + 1));
      return at + 3;
    default: {
      const [pace, count] = [words[at], words[at + 1]];
      const pieces = [];
      for (let i = 0; i < count; i++) pieces.push(bytes(wasm, words, at + 2 + 2 * i));
      does.pace(status, head, pace, pieces);
      return at + 2 + 2 * count;
    }
  }
}
