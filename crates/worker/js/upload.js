// The client's body: held whole up to a limit, or sent on as it comes.

import { TOO_LARGE, UPLOAD } from "./events.js";
import { Failed } from "./source.js";

const UNKNOWN = 0xffffffff;

// The whole body; fails once it is over `limit` bytes.
export async function collect(request, limit) {
  const length = request.headers.get("content-length");
  if (length !== null) {
    if (Number(length) > limit) throw new Failed(TOO_LARGE);
    return new Uint8Array(await request.arrayBuffer());
  }
  const pieces = [];
  let size = 0;
  for await (const piece of request.body) {
    size += piece.byteLength;
    if (size > limit) throw new Failed(TOO_LARGE);
    pieces.push(piece);
  }
  if (pieces.length === 1) return pieces[0];
  const all = new Uint8Array(size);
  let end = 0;
  for (const piece of pieces) {
    all.set(piece, end);
    end += piece.byteLength;
  }
  return all;
}

// What was read already, then the rest. Unread, the platform's own stream does, with its length.
export function upload(request, source, { first, length }) {
  if (first.byteLength === 0 && source === null) return request.body;
  const { readable, writable } = length === UNKNOWN ? new IdentityTransformStream() : new FixedLengthStream(length);
  send(request, source, first, writable);
  return readable;
}

async function send(request, source, first, writable) {
  const writer = writable.getWriter();
  try {
    if (first.byteLength > 0) await writer.write(first);
    if (source === null) {
      writer.releaseLock();
      await request.body.pipeTo(writable);
      return;
    }
    for (;;) {
      const { done, value } = await source.peek();
      source.take();
      if (done) break;
      await writer.write(value);
    }
    await writer.close();
  } catch {
    // Either side is gone; the call fails by itself, and must not look whole.
    writable.abort(new Failed(UPLOAD)).catch(() => {});
  }
}
