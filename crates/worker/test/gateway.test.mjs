// Cloudflare AI Gateway from the edge, and providers without it: by their real host names, with no network.

import assert from "node:assert/strict";
import test from "node:test";
import { CALLER, CHAT, stage, VARS } from "./stage.mjs";
import { ask, json } from "./upstream.mjs";

const GATEWAY = "gateway.ai.cloudflare.com";
const AIG = {
  ...VARS,
  CLOUDFLARE_ACCOUNT_ID: "account1",
  AI_GATEWAY_NAME: "main",
  CF_AIG_TOKEN: "aig-token-1234",
  ANTHROPIC_API_KEY: "sk-ant-own-key-1",
  GEMINI_API_KEY: "gm-gemini-own-1",
};
const CUSTOM = JSON.stringify([{ name: "mine", baseUrl: "https://llm.example.com/v1", apiKeys: "mine-own-key-1" }]);

/** Host and target of the only request, and the request. */
function only(provider) {
  const [one, ...more] = provider.requests.splice(0);
  assert.equal(more.length, 0);
  return [one.host + one.target, one];
}

test("providers are called by their own names", async (t) => {
  const { provider, worker } = await stage(t, {
    vars: { ...AIG, AI_GATEWAY_NAME: "", CUSTOM_OPENAI_ENDPOINTS: CUSTOM },
  });
  for (const [path, target] of [
    ["/openai/files", "api.openai.com/v1/files"],
    ["/anthropic/v1/models", "api.anthropic.com/v1/models"],
    ["/gemini/v1beta/models", "generativelanguage.googleapis.com/v1beta/models"],
    ["/mine/x", "llm.example.com/v1/x"],
  ]) {
    await ask(worker.url + path, { headers: CALLER });
    assert.equal(only(provider)[0], target);
  }
  await ask(`${worker.url}/v1/chat/completions`, CHAT);
  assert.equal(only(provider)[0], "api.openai.com/v1/chat/completions");
});

test("chat goes to the gateway as universal steps, one per key", async (t) => {
  const vars = { ...AIG, OPENAI_API_KEY: '["sk-openai-zero", "sk-openai-one1"]' };
  const { provider, worker } = await stage(t, { vars }, json({ ok: true }));
  const answer = await ask(`${worker.url}/key/1-/v1/chat/completions`, CHAT);
  assert.deepEqual([answer.status, answer.text], [200, '{"ok":true}']);
  let [target, request] = only(provider);
  assert.equal(target, `${GATEWAY}/v1/account1/main`);
  assert.equal(request.headers["cf-aig-authorization"], "Bearer aig-token-1234");
  assert.equal(request.headers.authorization, undefined);
  const [step] = await request.json();
  assert.deepEqual(
    [step.provider, step.endpoint, step.query],
    ["openai", "chat/completions", { model: "gpt-4o", messages: [] }],
  );
  assert.ok(JSON.stringify(step.headers).includes("Bearer sk-openai-one1"));

  await ask(`${worker.url}/v1/chat/completions`, CHAT);
  [, request] = only(provider);
  assert.equal((await request.json()).length, 2);
});

test("pass-through, /g/, /compat and the universal endpoint", async (t) => {
  const { provider, worker } = await stage(t, { vars: { ...AIG, CUSTOM_OPENAI_ENDPOINTS: CUSTOM } });
  const base = `${GATEWAY}/v1/account1`;
  const post = (body) => ({ method: "POST", headers: { ...CALLER, "cf-aig-cache-ttl": "60" }, body });
  for (const [path, options, target] of [
    ["/openai/v1/files?x=1", { headers: CALLER }, `${base}/main/openai/files?x=1`],
    ["/anthropic/v1/messages", post({ model: "claude" }), `${base}/main/anthropic/v1/messages`],
    ["/g/other/openai/files", { headers: CALLER }, `${base}/other/openai/files`],
    [
      "/compat/chat/completions",
      post({ model: "openai/gpt-4o", messages: [] }),
      `${base}/main/compat/chat/completions`,
    ],
    [
      "/g/other/compat/chat/completions",
      post({ model: "openai/gpt-4o", messages: [] }),
      `${base}/other/compat/chat/completions`,
    ],
    ["/", post([{ provider: "openai", query: { model: "gpt-4o" } }]), `${base}/main`],
    ["/g/other", post({ provider: "openai", query: { model: "gpt-4o" } }), `${base}/other`],
    ["/mine/x", { headers: CALLER }, "llm.example.com/v1/x"],
  ]) {
    const answer = await ask(worker.url + path, options);
    assert.equal(answer.status, 200, answer.text);
    const [reached, request] = only(provider);
    assert.equal(reached, target);
    const gateway = target.startsWith(GATEWAY);
    assert.equal(request.headers["cf-aig-authorization"], gateway ? "Bearer aig-token-1234" : undefined, path);
    if (options.method === "POST") assert.equal(request.headers["cf-aig-cache-ttl"], "60", path);
    assert.ok(!JSON.stringify([request.headers, await request.body()]).includes("caller-key-1"), path);
  }
});

test("the gateway is asked through the region too", async (t) => {
  const { provider, worker } = await stage(t, { vars: AIG });
  const answer = await ask(`${worker.url}/v1/chat/completions`, { ...CHAT, cf: { country: "CN", colo: "SZX" } });
  assert.deepEqual([answer.status, answer.headers["x-wharf-egress"]], [200, "wnam"]);
  assert.equal(only(provider)[0], `${GATEWAY}/v1/account1/main`);
});
