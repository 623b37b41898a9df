// Answers that go through our hands: read, shown to wasm, written on. One that breaks off ends as wasm says.

import { CLOSED, END } from "./events.js";

// Relays a body. Verbatim, the pieces go on as they came; else as wasm made them anew.
export async function relay(source, writable, lane, verbatim, first) {
  const writer = writable.getWriter();
  let sent = 0;
  const write = async (bytes) => {
    if (!bytes || bytes.byteLength === 0) return;
    await writer.write(bytes);
    sent += bytes.byteLength;
  };
  // While nothing is written, this is how the client's leaving shows.
  writer.closed.catch(() => source.cancel());
  let how = END;
  try {
    await write(first);
    for (;;) {
      let read;
      try {
        read = await source.peek();
        source.take();
      } catch (error) {
        how = error.kind ?? CLOSED;
        break;
      }
      if (read.done) break;
      const { out, over } = lane.piece(read.value);
      await write(verbatim ? read.value : out);
      source.reuse(read.value);
      if (over) break;
    }
    const { out, over: abort } = lane.ended(how);
    await write(out);
    if (abort) await writer.abort(new Error("the upstream's answer broke off"));
    else await writer.close();
  } catch (error) {
    // A trap is a bug; what is left is that the client is gone.
    if (error instanceof WebAssembly.RuntimeError) {
      await writer.abort(error);
      throw error;
    }
  } finally {
    source.cancel();
    lane.left(sent);
  }
}

// Pieces of our own, with a pause before each.
export async function pace(writable, lane, wait, pieces) {
  const writer = writable.getWriter();
  writer.closed.catch(() => {});
  let sent = 0;
  try {
    for (const piece of pieces) {
      if (wait > 0) await new Promise((resolve) => setTimeout(resolve, wait));
      await writer.write(piece);
      sent += piece.byteLength;
    }
    lane.ended(END);
    await writer.close();
  } catch {
    // The client is gone.
  } finally {
    lane.left(sent);
  }
}
