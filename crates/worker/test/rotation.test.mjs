// Strict rotation over the Durable Object: exact under load, over restarts and over what P1 left there; never in the
// way when it fails, and never asked when there is nothing to decide.

import assert from "node:assert/strict";
import test from "node:test";
import { CALLER, CHAT, folder, stage, VARS, watching } from "./stage.mjs";
import { ask, tally } from "./upstream.mjs";

const KEYS = ["sk-zero-0000", "sk-one-11111", "sk-two-22222", "sk-three-333"];
const STRICT = { ...VARS, ENABLE_GLOBAL_ROUND_ROBIN: "true", OPENAI_API_KEY: JSON.stringify(KEYS) };

/** Which keys the provider was asked with, in order. */
const used = (provider) => provider.requests.map((one) => KEYS.indexOf(one.headers.authorization.slice(7)));

/** The names of the objects there were. */
const names = async (worker) => JSON.parse((await ask(`${worker.url}/names`)).text);

test("a hundred calls at once over four keys give twenty-five each, and the turn survives a restart", async (t) => {
  const storage = folder(t);
  const first = await stage(t, { vars: STRICT, storage });
  const calls = Array.from({ length: 100 }, () => ask(`${first.worker.url}/v1/chat/completions`, CHAT));
  const statuses = (await Promise.all(calls)).map((answer) => answer.status);
  assert.deepEqual(tally(statuses), { 200: 100 });
  assert.deepEqual(tally(used(first.provider)), { 0: 25, 1: 25, 2: 25, 3: 25 });
  for (let call = 0; call < 3; call += 1) await ask(`${first.worker.url}/openai/files`, { headers: CALLER });
  assert.deepEqual(used(first.provider).slice(100), [0, 1, 2]);
  await first.worker.stop();

  const again = await stage(t, { vars: STRICT, storage });
  for (let call = 0; call < 3; call += 1) await ask(`${again.worker.url}/v1/chat/completions`, CHAT);
  assert.deepEqual(used(again.provider), [3, 0, 1]);
});

test("P1's counter is taken over, once", async (t) => {
  const storage = folder(t);
  const source = `
    import { DurableObject } from "cloudflare:workers";
    export class KeyRotationManager extends DurableObject {
      fetch() {
        const sql = this.ctx.storage.sql;
        sql.exec("CREATE TABLE IF NOT EXISTS counters (key_name TEXT PRIMARY KEY, current_index INTEGER NOT NULL DEFAULT 0)");
        sql.exec("INSERT INTO counters (key_name, current_index) VALUES ('OPENAI_API_KEY', 2)");
        return new Response("kept");
      }
    }
    export class LlmProxyDO extends DurableObject {}
    export default { fetch(request, env) {
      const objects = env.KEY_ROTATION_MANAGER;
      return objects.get(objects.idFromName("OPENAI_API_KEY")).fetch(request);
    } };`;
  const before = await stage(t, { source, storage });
  assert.equal((await ask(before.worker.url)).text, "kept");
  await before.worker.stop();

  const first = await stage(t, { vars: STRICT, storage });
  for (let call = 0; call < 3; call += 1) await ask(`${first.worker.url}/v1/chat/completions`, CHAT);
  assert.deepEqual(used(first.provider), [2, 3, 0]);
  await first.worker.stop();

  const again = await stage(t, { vars: STRICT, storage });
  await ask(`${again.worker.url}/v1/chat/completions`, CHAT);
  assert.deepEqual(used(again.provider), [1]);
});

for (const [what, body] of [
  ["fails", "throw new Error('storage is away');"],
  ["never answers", "return new Promise(() => {});"],
  ["answers nonsense", "return new Response('what?', { status: 500 });"],
]) {
  test(`an object that ${what} fails no request: a key is chosen at random, and that is counted`, async (t) => {
    const { provider, worker } = await stage(t, { vars: STRICT, source: watching("KeyRotationManager", body) });
    const answers = await Promise.all(Array.from({ length: 40 }, () => ask(`${worker.url}/v1/chat/completions`, CHAT)));
    assert.deepEqual(tally(answers.map((one) => one.status)), { 200: 40 });
    assert.equal(provider.requests.length, 40);
    // Forty random choices that leave out one of four keys: once in 25,000 runs.
    assert.deepEqual([...new Set(used(provider))].sort(), [0, 1, 2, 3]);
    assert.notDeepEqual(await names(worker), []);
    await worker.logs.until(40, (line) => line.store_failed === true);
  });
}

test("objects have the names that P1 gave them", async (t) => {
  const two = '["some-own-key-1", "some-own-key-2"]';
  const secrets = ["ANTHROPIC_API_KEY", "GEMINI_API_KEY", "PERPLEXITYAI_API_KEY", "GROK_API_KEY", "CLOUDFLARE_API_KEY"];
  const vars = {
    ...VARS,
    ...Object.fromEntries(secrets.map((name) => [name, two])),
    CLOUDFLARE_ACCOUNT_ID: "account1",
    ENABLE_GLOBAL_ROUND_ROBIN: "true",
    CUSTOM_OPENAI_ENDPOINTS: `[{"name": "mine", "baseUrl": "https://llm.example.com/v1", "apiKeys": ${two}}]`,
  };
  const { worker } = await stage(t, { vars, source: watching("KeyRotationManager") });
  for (const path of ["anthropic", "gemini", "perplexity", "xai", "workers-ai", "mine"]) {
    assert.equal((await ask(`${worker.url}/${path}/x`, { headers: CALLER })).status, 200, path);
  }
  assert.deepEqual(await names(worker), [...secrets, "mine"]);
});

test("one key, or no strict turns: no object is asked", async (t) => {
  const { worker: strict } = await stage(t, { vars: STRICT, source: watching("KeyRotationManager") });
  await ask(`${strict.url}/openai/files`, { headers: CALLER });
  assert.deepEqual(await names(strict), ["OPENAI_API_KEY"], "an object is seen when it is asked");
  for (const vars of [
    { ...STRICT, OPENAI_API_KEY: "sk-zero-0000" },
    { ...STRICT, ENABLE_GLOBAL_ROUND_ROBIN: "false" },
  ]) {
    const { worker } = await stage(t, { vars, source: watching("KeyRotationManager") });
    for (const path of ["/openai/files", "/key/1-/openai/files", "/v1/models", "/status"]) {
      assert.equal((await ask(worker.url + path, { headers: CALLER })).status, 200, path);
    }
    assert.equal((await ask(`${worker.url}/v1/chat/completions`, CHAT)).status, 200);
    assert.deepEqual(await names(worker), []);
  }
});
