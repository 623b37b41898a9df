// What the Worker prints, and what it says of itself, holds no credential: not a configured one, not a caller's, not
// one that was refused; in no spelling.

import assert from "node:assert/strict";
import test from "node:test";
import { stage } from "./stage.mjs";
import { ask, json } from "./upstream.mjs";

const SECRETS = {
  PROXY_API_KEY: "Xq4/Rk+of=team-one",
  OPENAI_API_KEY: "sk-Qy7/Tz+81Vb==",
  ANTHROPIC_API_KEY: "Zk2/Wv+93Ua-ant==",
  GEMINI_API_KEY: "Pm4/Lx+57Yc-gem==",
  CF_AIG_TOKEN: "Nb6/Hs+25Wd-aig==",
  CLOUDFLARE_API_KEY: "Jd8/Gf+69Tf-cf==",
  MINE: "Hf3/Jm+14Rg-own==",
};
const REFUSED = "Bc3/Dk+47Qh-else==";

/** A credential as it is, its first eight characters, and as URLs, Base64 and hexadecimal have it. */
function spellings(secret) {
  const base64 = [0, 1, 2].map((skip) => {
    const text = Buffer.from("\0".repeat(skip) + secret).toString("base64");
    return text.slice(skip === 0 ? 0 : 4, 4 * Math.floor((skip + secret.length) / 3));
  });
  return [secret, secret.slice(0, 8), encodeURIComponent(secret), Buffer.from(secret).toString("hex"), ...base64];
}

function holdsNone(what, text) {
  for (const secret of [...Object.values(SECRETS), REFUSED]) {
    for (const one of spellings(secret)) assert.ok(!text.includes(one), `${what} holds ${secret}: ${text}`);
  }
}

const vars = {
  ...SECRETS,
  CLOUDFLARE_ACCOUNT_ID: "account1",
  AI_GATEWAY_NAME: "main",
  ENABLE_GLOBAL_ROUND_ROBIN: "true",
  WHARF_CONFIG: JSON.stringify({ providers: { mine: { base_url: "https://llm.example.com/v1", keys: "env:MINE" } } }),
};

const KEY = SECRETS.PROXY_API_KEY;
const body = (model) =>
  JSON.stringify({ model, messages: [{ role: "user", content: "hi" }], stream: model.startsWith("s") });
const REQUESTS = [
  ["/health", {}],
  ["/status", { authorization: `Bearer ${KEY}` }],
  ["/status", { authorization: `Bearer ${REFUSED}` }],
  ["/v1/models", { "x-api-key": KEY }],
  [`/openai/files?key=${encodeURIComponent(KEY)}&a=1`, {}],
  [`/openai/files?%6Bey=${encodeURIComponent(REFUSED)}`, {}],
  ["/anthropic/v1/messages", { "x-api-key": KEY, cookie: `a=${REFUSED}` }, body("claude")],
  ["/v1/chat/completions", { "api-key": KEY }, body("openai/gpt-4o")],
  ["/v1/chat/completions", { authorization: `Bearer ${KEY}` }, body("mine/m")],
  ["/v1/chat/completions", { authorization: `Bearer ${KEY}` }, `{"model": "${REFUSED}`],
  ["/v1/messages", { "x-api-key": KEY, "x-wharf-direct": "true" }, body("anthropic/claude")],
  ["/v1beta/models/x:generateContent", { "x-goog-api-key": KEY }, "{}"],
  ["/v1beta/models/google-ai-studio%2Fx:generateContent", { "x-goog-api-key": KEY }, '{"contents": []}'],
  ["/", { authorization: `Bearer ${KEY}` }, '[{"provider": "openai", "query": {}}]'],
];

for (const [what, answer] of [
  ["answers", json({ id: "x", choices: [] })],
  ["refuses the key", json({ error: { message: "no" } }, 401)],
  ["hangs up", (request) => request.socket.destroy()],
]) {
  test(`nothing printed or said holds a credential when the provider ${what}`, async (t) => {
    const { worker } = await stage(t, { vars }, answer);
    for (const cf of [
      { country: "DE", colo: "FRA" },
      { country: "HK", colo: "HKG" },
    ]) {
      for (const [path, headers, text] of REQUESTS) {
        const method = text === undefined ? "GET" : "POST";
        const reply = await ask(worker.url + path, { method, headers, body: text, cf });
        holdsNone(`the answer to ${path}`, `${JSON.stringify(reply.headers)} ${reply.text}`);
      }
    }
    await worker.logs.until(2 * REQUESTS.length, () => true);
    holdsNone("the log", worker.logs.text());
  });
}

test("a configuration that is refused quotes no credential", async (t) => {
  const bad = {
    ...vars,
    WHARF_CONFIG: JSON.stringify({ providers: { mine: { keys: [REFUSED], base_url: `https://u:${REFUSED}@h` } } }),
  };
  const { worker } = await stage(t, { vars: bad });
  for (const headers of [{}, { authorization: `Bearer ${KEY}` }]) {
    const status = await ask(`${worker.url}/status`, { headers });
    assert.equal(status.status, 500);
    holdsNone("the status", status.text);
  }
  holdsNone("the log", worker.logs.text());
});
