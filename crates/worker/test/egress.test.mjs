// Regions: which requests leave through a Durable Object elsewhere, that they stream both ways, and what happens when
// that way fails. `request.cf` is what the test says; nothing is fetched to find out where a request comes from.

import assert from "node:assert/strict";
import test from "node:test";
import { CALLER, CHAT, stage, VARS, watching } from "./stage.mjs";
import { ask, json, open, pieces } from "./upstream.mjs";

const HK = { country: "HK", colo: "HKG" };
const DE = { country: "DE", colo: "FRA" };
const WATCHED = { source: watching("LlmProxyDO") };
const REFUSED = {
  error: { code: "unsupported_country_region_territory", message: "Country, region, or territory not supported" },
};

const names = async (worker) => JSON.parse((await ask(`${worker.url}/names`)).text);

test("health says where the platform says we are, and asks nobody", async (t) => {
  const { provider, worker } = await stage(t);
  const health = JSON.parse((await ask(`${worker.url}/health`, { cf: HK })).text);
  assert.deepEqual([health.status, health.loc, health.colo], ["ok", "HK", "HKG"]);
  const nowhere = JSON.parse((await ask(`${worker.url}/health`)).text);
  assert.deepEqual([nowhere.loc, nowhere.colo], [undefined, undefined]);
  assert.equal(provider.requests.length, 0);
});

test("from Hong Kong and China requests leave in western North America, from elsewhere directly", async (t) => {
  const { provider, worker } = await stage(t, WATCHED, json({ ok: true }));
  for (const [cf, egress] of [
    [DE, "direct"],
    [undefined, "direct"],
    [HK, "wnam"],
    [{ country: "CN", colo: "SZX" }, "wnam"],
  ]) {
    for (const [path, options] of [
      ["/v1/chat/completions", CHAT],
      ["/openai/files?a=%20b", { headers: CALLER }],
    ]) {
      const answer = await ask(worker.url + path, { ...options, cf });
      assert.deepEqual([answer.status, answer.headers["x-wharf-egress"], answer.text], [200, egress, '{"ok":true}']);
    }
    assert.equal((await names(worker)).length > 0, egress === "wnam", JSON.stringify(cf));
  }
  // The region changes nothing of what the provider gets.
  const [direct, , , , elsewhere] = provider.requests;
  assert.deepEqual({ ...elsewhere, ...content(elsewhere) }, { ...direct, ...content(direct) });
  assert.equal(provider.requests[5].target, "/v1/files?a=%20b");
});

const content = ({ json: _json, body: _body, ...rest }) => ({ ...rest, json: undefined, body: undefined });

test("there are several objects, not one for the world", async (t) => {
  const { worker } = await stage(t, WATCHED);
  await Promise.all(Array.from({ length: 60 }, () => ask(`${worker.url}/openai/files`, { headers: CALLER, cf: HK })));
  const seen = await names(worker);
  assert.ok(seen.length > 1, seen.join());
  for (const name of seen) assert.match(name, /^wnam-\d+$/);
});

test("both ways stream through a region: what is sent arrives before the rest is there", async (t) => {
  const { provider, worker } = await stage(t, WATCHED);
  const arrived = new Promise((resolve) => {
    provider.answer = (request, response) => {
      response.writeHead(200, { "content-type": "text/plain" });
      request.on("data", (piece) => response.write(`got ${piece}`));
      request.on("end", () => response.end("end"));
      resolve();
    };
  });
  const upload = { method: "POST", headers: { ...CALLER, "content-type": "text/plain" }, cf: HK, upload: true };
  const { sending, answered } = await open(`${worker.url}/openai/files`, upload);
  sending.write("one");
  await arrived;
  const answer = await answered;
  assert.equal(answer.headers["x-wharf-egress"], "wnam");
  const next = pieces(answer.stream);
  assert.equal(await next(), "got one");
  sending.write("two");
  assert.equal(await next(), "got two");
  sending.end();
  assert.equal(await next(), "end");
  assert.equal(await next(), undefined);
});

for (const [what, body] of [
  ["fails", "throw new Error('no object here');"],
  ["never answers", "return new Promise(() => {});"],
]) {
  test(`a region that ${what} gives way to the direct way, and that is counted`, async (t) => {
    const { provider, worker } = await stage(t, { source: watching("LlmProxyDO", body) }, json({ ok: true }));
    const answer = await ask(`${worker.url}/v1/chat/completions`, { ...CHAT, cf: HK });
    assert.deepEqual([answer.status, answer.headers["x-wharf-egress"]], [200, "direct"]);
    assert.equal(provider.requests.length, 1);
    const [line] = await worker.logs.until(1, (one) => one.egress_failed === true);
    assert.equal(line.egress, "direct");
  });

  test(`a region that ${what} gets nothing of an upload that is sent on as it comes`, async (t) => {
    const { provider, worker } = await stage(t, { source: watching("LlmProxyDO", body) }, json({ ok: true }));
    const upload = { method: "POST", headers: { ...CALLER, "content-type": "text/plain" }, cf: HK, upload: true };
    const { sending, answered } = await open(`${worker.url}/openai/files`, upload);
    sending.write("one");
    sending.end("two");
    const answer = await answered;
    assert.deepEqual([answer.status, answer.headers["x-wharf-egress"]], [200, "direct"]);
    assert.equal(await provider.requests[0].body(), "onetwo");
    const [line] = await worker.logs.until(1, (one) => one.egress_failed === true);
    assert.deepEqual([line.egress, line.attempts], ["direct", 1]);
  });
}

test("an answer cannot say that its region failed", async (t) => {
  const answer = json({ ok: true }, 200, { "x-wharf-egress-failed": "3", "x-kept": "1" });
  const { provider, worker } = await stage(t, WATCHED, answer);
  const { status, headers } = await ask(`${worker.url}/v1/chat/completions`, { ...CHAT, cf: HK });
  assert.deepEqual([status, headers["x-wharf-egress"], headers["x-kept"]], [200, "wnam", "1"]);
  assert.equal(provider.requests.length, 1);
});

test("an upload that is sent on as it comes is not tried a second time where no other way is allowed", async (t) => {
  const source = watching("LlmProxyDO", "throw new Error('no object here');");
  const egress = [{ when: { loc: ["HK"] }, via: "wnam", else: "fail" }];
  const { provider, worker } = await stage(t, { vars: { ...VARS, WHARF_CONFIG: JSON.stringify({ egress }) }, source });
  const upload = { method: "POST", headers: CALLER, cf: HK, upload: true };
  const { sending, answered } = await open(`${worker.url}/openai/files`, upload);
  sending.write("one");
  const answer = await answered;
  assert.equal(answer.status, 502);
  assert.equal(provider.requests.length, 0);
  sending.destroy();
});

test("`else: fail` keeps a request from leaving another way", async (t) => {
  const egress = [{ when: { loc: ["DE"] }, via: "enam", else: "fail" }];
  const vars = { ...VARS, WHARF_CONFIG: JSON.stringify({ egress }) };
  const source = watching("LlmProxyDO", "throw new Error('no object here');");
  const { provider, worker } = await stage(t, { vars, source });
  assert.equal((await ask(`${worker.url}/v1/chat/completions`, { ...CHAT, cf: DE })).status, 502);
  assert.equal(provider.requests.length, 0);
  // The user's own rules stand in place of the ones for Hong Kong and China.
  assert.equal(
    (await ask(`${worker.url}/v1/chat/completions`, { ...CHAT, cf: HK })).headers["x-wharf-egress"],
    "direct",
  );
});

test("rules may name a data centre and a provider", async (t) => {
  const egress = [
    { when: { colo: ["fra"], provider: ["groq"] }, via: "weur" },
    { when: {}, via: "apac" },
  ];
  const vars = { ...VARS, GROQ_API_KEY: "gsk-groq-own-1", WHARF_CONFIG: JSON.stringify({ egress }) };
  const { worker } = await stage(t, { vars, ...WATCHED });
  const way = async (path, cf) => (await ask(worker.url + path, { headers: CALLER, cf })).headers["x-wharf-egress"];
  assert.equal(await way("/groq/models", DE), "weur");
  assert.equal(await way("/groq/models", HK), "apac");
  assert.equal(await way("/openai/models", DE), "apac");
});

test("a provider that refuses our country is asked once more through the region", async (t) => {
  let refusals = 1;
  const refuse = (request, response, record) =>
    refusals-- > 0 ? json(REFUSED, 403)(request, response, record) : json({ ok: true })(request, response, record);
  const { provider, worker } = await stage(t, WATCHED, refuse);
  const answer = await ask(`${worker.url}/v1/chat/completions`, { ...CHAT, cf: DE });
  assert.deepEqual([answer.status, answer.headers["x-wharf-egress"], answer.text], [200, "wnam", '{"ok":true}']);
  assert.deepEqual(
    provider.requests.map((one) => one.headers.authorization),
    Array(2).fill("Bearer sk-openai-own-1"),
  );
  assert.equal(await provider.requests[0].body(), await provider.requests[1].body());
  assert.equal((await names(worker)).length, 1);

  refusals = 2;
  const twice = await ask(`${worker.url}/openai/files`, { headers: CALLER, cf: DE });
  assert.deepEqual([twice.status, JSON.parse(twice.text)], [403, REFUSED]);
  assert.equal(provider.requests.length, 4);
});
