// A large upload passes through: it is sent on while it arrives, waits where the provider waits, and is nowhere kept.

import assert from "node:assert/strict";
import { createHash, randomBytes } from "node:crypto";
import { existsSync, readdirSync, readFileSync } from "node:fs";
import test from "node:test";
import { gzipSync } from "node:zlib";
import { CALLER, stage } from "./stage.mjs";
import { open, pour, settled } from "./upstream.mjs";

const MIB = 1 << 20;
const SIZE = 40 * MIB;
const PIECE = randomBytes(64 * 1024);
const PIECES = SIZE / PIECE.length;
const MULTIPART = { ...CALLER, "content-type": "multipart/form-data; boundary=x", "content-length": SIZE };

/** Answers with the digest of what it received. */
function digesting(request, response) {
  const hash = createHash("sha256");
  request.on("data", (piece) => hash.update(piece));
  request.on("end", () => response.end(hash.digest("hex")));
}

function digest() {
  const hash = createHash("sha256");
  for (let piece = 0; piece < PIECES; piece += 1) hash.update(PIECE);
  return hash.digest("hex");
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

test(
  "an upload of 40 MB arrives as it was sent, and memory does not grow by it",
  { skip: !existsSync("/proc/self/status") },
  async (t) => {
    const { worker } = await stage(t, {}, digesting);
    const upload = async () => {
      const { sending, answered } = await open(`${worker.url}/openai/files`, {
        method: "POST",
        headers: MULTIPART,
        upload: true,
      });
      await pour(sending, PIECE, PIECES).done;
      sending.end();
      const answer = await answered;
      assert.deepEqual([answer.status, await answer.text()], [200, digest()]);
    };
    await upload();
    const before = peak();
    for (let round = 0; round < 4; round += 1) await upload();
    const grown = peak() - before;
    assert.ok(grown < 16 * MIB, `${grown / MIB} MiB more after four uploads of 40`);
  },
);

test("a form whose model comes first streams: 40 MB behind it are sent on as they come", async (t) => {
  const { provider, worker } = await stage(t);
  const hash = createHash("sha256");
  const begun = new Promise((resolve) => {
    provider.answer = (request, response) => {
      request.on("data", (piece) => hash.update(piece));
      request.on("end", () => response.end(request.headers["content-length"] ?? request.headers["transfer-encoding"]));
      resolve();
    };
  });
  const part = (name, more = "") => `--x\r\nContent-Disposition: form-data; name="${name}"${more}\r\n\r\n`;
  const file = part("file", '; filename="a"');
  const tail = "\r\n--x--\r\n";
  const body = (model) => `${part("model")}${model}\r\n${file}`;
  const length = body("openai/whisper-1").length + SIZE + tail.length;
  const headers = { ...MULTIPART, "content-length": length };
  const { sending, answered } = await open(`${worker.url}/v1/audio/transcriptions`, {
    method: "POST",
    headers,
    upload: true,
  });
  sending.write(body("openai/whisper-1"));
  await pour(sending, PIECE, 64).done;
  await begun;
  await pour(sending, PIECE, PIECES - 64).done;
  sending.end(tail);
  const answer = await answered;
  assert.deepEqual([answer.status, await answer.text()], [200, String(length - "openai/".length)]);
  const expected = createHash("sha256").update(body("whisper-1"));
  for (let piece = 0; piece < PIECES; piece += 1) expected.update(PIECE);
  assert.equal(hash.digest("hex"), expected.update(tail).digest("hex"));
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
  const { sending, answered } = await open(`${worker.url}/openai/files`, {
    method: "POST",
    headers: MULTIPART,
    upload: true,
  });
  const poured = pour(sending, PIECE, PIECES);
  await arrived;
  const taken = await settled(poured, worker);
  assert.ok(taken < PIECES / 2, `${taken} of ${PIECES} pieces were taken while nobody read them`);
  resume();
  await poured.done;
  sending.end();
  assert.equal(await (await answered).text(), digest());
});

for (const [where, cf] of [
  ["directly", undefined],
  ["through a region", { country: "HK", colo: "HKG" }],
]) {
  for (const [kind, more] of [
    ["of known length", { "content-length": 6 }],
    ["of unknown length", {}],
  ]) {
    test(`an upload ${kind} that breaks off ${where} never looks whole`, async (t) => {
      const { provider, worker } = await stage(t);
      const ended = new Promise((resolve) => {
        provider.answer = (request) => {
          request.on("data", () => sending.destroy());
          request.on("end", () => resolve("whole"));
          request.on("error", () => resolve("broken"));
        };
      });
      const headers = { ...CALLER, ...more };
      const { sending } = await open(`${worker.url}/openai/files`, { method: "POST", headers, cf, upload: true });
      sending.on("error", () => undefined);
      sending.write("one");
      assert.equal(await ended, "broken");
    });
  }
}

test("a body over 20 MiB is refused where it must be held, however it comes", async (t) => {
  const { provider, worker } = await stage(t);
  const large = Buffer.concat([
    Buffer.from('{"model":"openai/m","x":"'),
    Buffer.alloc(20 * MIB, "x"),
    Buffer.from('"}'),
  ]);
  const form = Buffer.concat([Buffer.from('--x\r\nContent-Disposition: form-data; name="file"\r\n\r\n'), large]);
  for (const [path, body, headers] of [
    // It is refused by its length alone.
    ["/v1/chat/completions", undefined, { "content-length": large.length }],
    ["/v1/chat/completions", large, {}],
    ["/v1/audio/transcriptions", form, { "content-type": "multipart/form-data; boundary=x" }],
    ["/v1/chat/completions", gzipSync(large), { "content-encoding": "gzip" }],
  ]) {
    const options = { method: "POST", headers: { ...CALLER, ...headers }, upload: true };
    const { sending, answered } = await open(worker.url + path, options);
    if (body === undefined) sending.flushHeaders();
    else sending.write(body);
    if (headers["content-encoding"]) sending.end();
    const answer = await answered;
    assert.deepEqual(
      [answer.status, (await answer.json()).error.code],
      [413, "request_too_large"],
      JSON.stringify(headers),
    );
    sending.on("error", () => undefined).destroy();
  }
  assert.equal(provider.requests.length, 0);
});
