// A large upload passes through: it is sent on while it arrives, waits where the provider waits, and is nowhere kept.

import assert from "node:assert/strict";
import { createHash, randomBytes } from "node:crypto";
import { once } from "node:events";
import { existsSync, readdirSync, readFileSync } from "node:fs";
import test from "node:test";
import { CALLER, stage } from "./stage.mjs";
import { open } from "./upstream.mjs";

const MIB = 1 << 20;
const SIZE = 40 * MIB;
const PIECE = randomBytes(64 * 1024);
const MULTIPART = { ...CALLER, "content-type": "multipart/form-data; boundary=x", "content-length": SIZE };

/** Answers with the digest of what it received. */
function digesting(request, response) {
  const hash = createHash("sha256");
  request.on("data", (piece) => hash.update(piece));
  request.on("end", () => response.end(hash.digest("hex")));
}

function digest() {
  const hash = createHash("sha256");
  for (let sent = 0; sent < SIZE; sent += PIECE.length) hash.update(PIECE);
  return hash.digest("hex");
}

/** Writes the rest of the upload as fast as it is taken. */
async function write(sending, sent = 0) {
  for (; sent < SIZE; sent += PIECE.length) {
    if (!sending.write(PIECE)) await once(sending, "drain");
  }
  sending.end();
}

/** The highest memory in bytes that the workerd below this process has had. */
function peak() {
  for (const id of readdirSync("/proc").filter((one) => /^\d+$/.test(one))) {
    const status = existsSync(`/proc/${id}/status`) ? readFileSync(`/proc/${id}/status`, "utf8") : "";
    const field = (name) => new RegExp(`^${name}:\\s+(\\S+)`, "m").exec(status)?.[1];
    if (field("Name") === "workerd" && field("PPid") === String(process.pid)) return Number(field("VmHWM")) * 1024;
  }
  return assert.fail("there is no workerd");
}

test("an upload of 40 MB arrives as it was sent, and memory does not grow by it", { skip: !existsSync("/proc/self/status") }, async (t) => {
  const { worker } = await stage(t, {}, digesting);
  const upload = async () => {
    const { sending, answered } = await open(`${worker.url}/openai/files`, { method: "POST", headers: MULTIPART, upload: true });
    await write(sending);
    const answer = await answered;
    assert.deepEqual([answer.status, await answer.text()], [200, digest()]);
  };
  await upload();
  const before = peak();
  for (let round = 0; round < 4; round += 1) await upload();
  const grown = peak() - before;
  assert.ok(grown < 16 * MIB, `${grown / MIB} MiB more after four uploads of 40`);
});

test("a provider that does not read holds the client up", async (t) => {
  const { provider, worker } = await stage(t);
  let resume;
  const arrived = new Promise((resolve) => {
    provider.answer = (request, response) => {
      resume = () => digesting(request, response);
      resolve();
    };
  });
  const { sending, answered } = await open(`${worker.url}/openai/files`, { method: "POST", headers: MULTIPART, upload: true });
  const written = write(sending);
  await arrived;
  const socket = sending.socket;
  // It is held up once two looks, a round trip through the Worker between them, find nothing more sent.
  for (let sent = -1; sent !== socket.bytesWritten; ) {
    sent = socket.bytesWritten;
    for (let turn = 0; turn < 20; turn += 1) await (await open(`${worker.url}/health`)).text();
  }
  const taken = socket.bytesWritten - socket.writableLength;
  assert.ok(taken < SIZE / 2, `${taken / MIB} MiB were taken while nobody read them`);
  resume();
  await written;
  assert.equal(await (await answered).text(), digest());
});
