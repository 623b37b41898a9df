// Configuration on the edge: out of variables alone, refused as a whole when anything in it is wrong, with the reasons
// only for those who may know; never open by accident.

import assert from "node:assert/strict";
import test from "node:test";
import { CALLER, CHAT, stage, VARS } from "./stage.mjs";
import { ask, json } from "./upstream.mjs";

const PATHS = ["/health", "/ping", "/v1/models", "/v1/chat/completions", "/openai/files", "/nothing"];

async function refusesEverybody(provider, worker, headers = CALLER) {
  for (const path of PATHS) {
    const answer = await ask(worker.url + path, path.endsWith("completions") ? { ...CHAT, headers } : { headers });
    assert.deepEqual([answer.status, JSON.parse(answer.text).error.code], [500, "misconfigured"], path);
    assert.ok(!/moon|GROQ_BASE_URL|literal-key/.test(answer.text + JSON.stringify(answer.headers)), answer.text);
  }
  assert.equal(provider.requests.length, 0);
}

for (const [what, more, reasons] of [
  [
    "an unknown member and an unreadable URL",
    { WHARF_CONFIG: '{"moon": 1}', GROQ_BASE_URL: "no url" },
    ["moon", "GROQ_BASE_URL"],
  ],
  [
    "a credential among the sections",
    { WHARF_CONFIG: '{"providers": {"x": {"base_url": "https://x.example", "keys": ["literal-key-1"]}}}' },
    ["keys", "env:"],
  ],
  ["an outbound proxy", { WHARF_CONFIG: '{"egress": [{"when": {}, "via": "http://proxy.example:3128"}]}' }, ["egress"]],
  ["sections that are no JSON", { WHARF_CONFIG: '{"aliases": ' }, ["WHARF_CONFIG"]],
]) {
  test(`${what}: nobody is served, and only a caller learns why`, async (t) => {
    const { provider, worker } = await stage(t, { vars: { ...VARS, ...more } });
    await refusesEverybody(provider, worker);
    for (const headers of [{}, { authorization: "Bearer other-key-22" }]) {
      const stranger = await ask(`${worker.url}/status`, { headers });
      assert.ok([401, 500].includes(stranger.status), stranger.text);
      for (const reason of reasons) assert.ok(!stranger.text.includes(reason), stranger.text);
    }
    const status = await ask(`${worker.url}/status`, { headers: CALLER });
    assert.equal(status.status, 500);
    for (const reason of reasons) assert.ok(status.text.includes(reason), status.text);
    assert.ok(!(status.text + worker.logs.text()).includes("literal-key"));
  });
}

test("without caller keys nobody is served, wherever from, and an empty list or another DEV is no way around", async (t) => {
  const { PROXY_API_KEY: _, ...keyless } = VARS;
  for (const vars of [
    keyless,
    { ...keyless, PROXY_API_KEY: "" },
    { ...keyless, PROXY_API_KEY: "[]" },
    { ...keyless, DEV: "1" },
    { ...keyless, DEV: "True" },
  ]) {
    const { provider, worker } = await stage(t, { vars });
    for (const host of ["wharf.example.workers.dev", "localhost"])
      await refusesEverybody(provider, worker, { ...CALLER, host });
    const status = await ask(`${worker.url}/status`, { headers: CALLER });
    assert.deepEqual([status.status, status.text.includes("sk-openai")], [500, false]);
  }
});

test("DEV opens local hosts only; OPEN opens to everybody", async (t) => {
  const { PROXY_API_KEY: _, ...keyless } = VARS;
  const statuses = async (vars) => {
    const { worker } = await stage(t, { vars }, json({ ok: true }));
    const hosts = [
      "localhost:8787",
      "127.0.0.1",
      "[::1]:8787",
      "wharf.example.workers.dev",
      "localhost.example",
      "127.0.0.1.example",
    ];
    const asked = hosts.map((host) => ask(`${worker.url}/openai/files`, { headers: { host } }));
    return (await Promise.all(asked)).map((answer) => answer.status);
  };
  assert.deepEqual(await statuses({ ...keyless, DEV: "true" }), [200, 200, 200, 403, 403, 403]);
  assert.deepEqual(await statuses({ ...keyless, OPEN: "true" }), [200, 200, 200, 200, 200, 200]);
});

test("echo answers under DEV with no key at all", async (t) => {
  const { provider, worker } = await stage(t, { vars: { DEV: "true" } });
  const body = { model: "echo/any", messages: [{ role: "user", content: "hello" }] };
  const answer = await ask(`${worker.url}/v1/chat/completions`, { method: "POST", body });
  assert.equal(answer.status, 200);
  assert.ok(JSON.parse(answer.text).choices[0].message.content.includes("hello"));
  assert.equal(provider.requests.length, 0);
});

test("sections may go on in further variables", async (t) => {
  const aliases = Object.fromEntries(
    Array.from({ length: 400 }, (_, index) => [`alias-${index}`, `openai/möwe-${index}`]),
  );
  const text = JSON.stringify({ aliases });
  const vars = { ...VARS };
  for (let at = 0, part = 1; at < text.length; at += 4000, part += 1) {
    vars[part === 1 ? "WHARF_CONFIG" : `WHARF_CONFIG_${part}`] = text.slice(at, at + 4000);
  }
  assert.ok(Object.keys(vars).length > 4);
  const { provider, worker } = await stage(t, { vars }, json({ ok: true }));
  for (const index of [0, 399]) {
    const answer = await ask(`${worker.url}/v1/chat/completions`, {
      ...CHAT,
      body: { model: `alias-${index}`, messages: [] },
    });
    assert.equal(answer.status, 200, answer.text);
    assert.equal((await provider.requests.pop().json()).model, `möwe-${index}`);
  }
});

test("sections may be inside the Worker; those in a variable stand in their place", async (t) => {
  const to = (provider) => JSON.stringify({ aliases: { quick: `${provider}/m` } });
  const vars = { ...VARS, GROQ_API_KEY: "gsk-groq-own-1" };
  for (const [more, provider] of [
    [{}, "openai"],
    [{ WHARF_CONFIG: to("groq") }, "groq"],
  ]) {
    const { worker } = await stage(t, { vars: { ...vars, ...more }, bundled: to("openai") }, json({ ok: true }));
    const answer = await ask(`${worker.url}/v1/chat/completions`, { ...CHAT, body: { model: "quick", messages: [] } });
    assert.deepEqual([answer.status, answer.headers["x-wharf-provider"]], [200, provider]);
  }
});

test("a credential in what is bundled is refused, by its place alone", async (t) => {
  const bundled = '{"providers": {"x": {"base_url": "https://x.example", "keys": ["literal-key-1"]}}}';
  const { provider, worker } = await stage(t, { bundled });
  await refusesEverybody(provider, worker);
  const status = await ask(`${worker.url}/status`, { headers: CALLER });
  assert.ok(status.text.includes("wharf.jsonc"), status.text);
  assert.ok(!(status.text + worker.logs.text()).includes("literal-key"));
});

test("variables may be JSON in wrangler.jsonc", async (t) => {
  const vars = {
    PROXY_API_KEY: ["caller-key-1", "caller-key-2"],
    OPENAI_API_KEY: ["sk-zero-0000", "sk-one-11111"],
    ENABLE_GLOBAL_ROUND_ROBIN: true,
    WHARF_CONFIG: { aliases: { quick: "openai/m" } },
  };
  const { provider, worker } = await stage(t, { vars }, json({ ok: true }));
  for (const key of ["caller-key-1", "caller-key-2"]) {
    const headers = { authorization: `Bearer ${key}` };
    const answer = await ask(`${worker.url}/v1/chat/completions`, {
      ...CHAT,
      headers,
      body: { model: "quick", messages: [] },
    });
    assert.equal(answer.status, 200, answer.text);
  }
  const keys = provider.requests.map((one) => one.headers.authorization);
  assert.deepEqual(keys, ["Bearer sk-zero-0000", "Bearer sk-one-11111"]);
});
