// The scripts of package.json: what leaves this machine, in which form, and that no value is ever shown.

import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { cpSync, existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, statSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { after, test } from "node:test";
import { fileURLToPath } from "node:url";
import { parse } from "jsonc-parser";
import { unstable_getVarsForDev as wranglerVariables } from "wrangler";
import { module } from "../scripts/bundle.mjs";
import { ConfigError, PIECE_BYTES, locate, pieces, read, references, sections, variables } from "../scripts/config.mjs";
import { local, prepare } from "../scripts/dev.mjs";
import { dotenv, harmless } from "../scripts/dotenv.mjs";
import { secrets, stale } from "../scripts/secrets.mjs";

const WORKER = path.resolve(path.dirname(fileURLToPath(import.meta.url)), "..");
const made = [];
after(() => made.forEach((folder) => rmSync(folder, { recursive: true })));

function folder(files = {}) {
  const created = mkdtempSync(path.join(tmpdir(), "wharf-scripts-"));
  made.push(created);
  for (const [name, text] of Object.entries(files)) {
    mkdirSync(path.dirname(path.join(created, name)), { recursive: true });
    writeFileSync(path.join(created, name), text);
  }
  return created;
}

const written = (text) => path.join(folder({ "wharf.jsonc": text }), "wharf.jsonc");

function refused(call, pattern, ...hidden) {
  assert.throws(call, (error) => {
    assert.ok(error instanceof ConfigError, String(error.stack));
    assert.match(error.message, pattern);
    for (const secret of hidden) assert.ok(!error.message.includes(secret), error.message);
    return true;
  });
}

const EXAMPLE = `{
  // comments, and commas at the end
  "$schema": "./wharf.schema.json",
  "PROXY_API_KEY": ["team-a", "team-b"],
  "OPENAI_API_KEY": "sk-openai-1, sk-openai-2",
  "GROQ_API_KEY": null,
  "ENABLE_GLOBAL_ROUND_ROBIN": true,
  "providers": { "my-llm": { "base_url": "https://llm.example.com/v1", "keys": ["env:MY_LLM_KEY"] } },
  "aliases": { "fast": "groq/llama" },
}`;

test("upper-case members become variables, the others sections", () => {
  const { uppers, lowers } = read(written(EXAMPLE));
  assert.deepEqual(variables(uppers, {}), {
    PROXY_API_KEY: '["team-a","team-b"]',
    OPENAI_API_KEY: "sk-openai-1, sk-openai-2",
    ENABLE_GLOBAL_ROUND_ROBIN: "true",
  });
  assert.deepEqual(Object.keys(lowers), ["providers", "aliases"]);
  assert.deepEqual(JSON.parse(sections(lowers)), lowers);
  assert.deepEqual(references(lowers), ["MY_LLM_KEY"]);
});

test("a file that cannot be meant is refused, and nothing of it is quoted", () => {
  refused(() => read(written('{\n  "OPENAI_API_KEY": "sk-secret"\n  "DEV": true }')), /^wharf\.jsonc, line 3: /, "sk-secret");
  refused(() => read(written('["sk-secret"]')), /one object/, "sk-secret");
  refused(() => read(written('{ "DEV": true, "DEV": "sk-secret" }')), /DEV is there twice/, "sk-secret");
  refused(() => read(written('{ "PROXY_API_KEY": null }')), /PROXY_API_KEY: null would open/);
  for (const empty of ["", " ", [], [""], [" "]]) refused(() => variables({ PROXY_API_KEY: empty }, {}), /PROXY_API_KEY: empty would open/);
  refused(() => variables({ OPENAI_API_KEY: 12345678 }, {}), /^OPENAI_API_KEY: must be/, "12345678");
  assert.deepEqual(variables({ OPENAI_API_KEY: "", GROQ_API_KEY: [] }, {}), {});
});

test("env:NAME in an upper-case member is looked up, several keys and all", () => {
  const environment = { ONE: "k1", TWO: '["k2", "k,3"]' };
  assert.equal(variables({ OPENAI_API_KEY: ["env:ONE", "env:TWO", "k4"] }, environment).OPENAI_API_KEY, '["k1","k2","k,3","k4"]');
  assert.equal(variables({ OPENAI_API_KEY: "env:ONE, k2" }, environment).OPENAI_API_KEY, '["k1","k2"]');
  const custom = variables({ CUSTOM_OPENAI_ENDPOINTS: [{ name: "a", apiKeys: ["env:ONE"] }, { name: "b", apiKeys: "x,y" }] }, environment);
  assert.deepEqual(JSON.parse(custom.CUSTOM_OPENAI_ENDPOINTS), [{ name: "a", apiKeys: ["k1"] }, { name: "b", apiKeys: "x,y" }]);
  refused(() => variables({ OPENAI_API_KEY: "env:GONE" }, environment), /OPENAI_API_KEY: the environment variable GONE is not set/);
  refused(() => variables({ OPENAI_API_KEY: "env:sk-secret" }, environment), /OPENAI_API_KEY: after env:/, "sk-secret");
});

test("a key that is written out is refused by its path, never by its value", () => {
  for (const keys of ["sk-secret", ["env:GOOD", "sk-secret"], "env:GOOD, sk-secret", ["env:sk-secret"], { a: "sk-secret" }]) {
    const lowers = { providers: { "my-llm": { keys } } };
    refused(() => sections(lowers), /^providers\.my-llm\.keys/, "sk-secret");
    refused(() => module(written(JSON.stringify(lowers))), /^providers\.my-llm\.keys/, "sk-secret");
    refused(() => secrets({ uppers: {}, lowers }, {}), /^providers\.my-llm\.keys/, "sk-secret");
  }
});

test("pieces hold at most what a variable holds, whole characters and escapes, and join to the whole", () => {
  const text = JSON.stringify({ aliases: { a: "ü🚢'$`\\\"".repeat(3000), b: "x".repeat(PIECE_BYTES) } });
  for (const shift of [0, 1, 2, 3, 4, 5, 6]) {
    const list = pieces(" ".repeat(shift) + harmless(text));
    assert.equal(Object.values(list).join("").trimStart(), harmless(text));
    assert.deepEqual(Object.keys(list).slice(0, 3), ["WHARF_CONFIG", "WHARF_CONFIG_2", "WHARF_CONFIG_3"]);
    for (const piece of Object.values(list)) {
      assert.ok(Buffer.byteLength(piece) <= PIECE_BYTES);
      assert.ok(!piece.endsWith("\\"));
      assert.equal(Buffer.from(piece).toString(), piece);
    }
  }
  assert.deepEqual(JSON.parse(harmless(text)), JSON.parse(text));
  assert.deepEqual(Object.keys(pieces("x".repeat(PIECE_BYTES))), ["WHARF_CONFIG"]);
  assert.deepEqual(pieces(null), {});
});

test("wrangler reads back what was written for it", () => {
  const values = {
    PLAIN: "sk-1",
    DOLLARS: "a$PLAIN-${PLAIN}-\\$x-$",
    HASH: "a # b",
    QUOTES: `it's "so"`,
    BACKTICKS: "a`b\"c",
    LINES: "one\ntwo\\n",
    BACKSLASH: "a\\b",
    EQUALS: "a=b=c==",
    SPACES: "  x  ",
    ARRAY: '["a","b$c"]',
    ...pieces(harmless(JSON.stringify({ aliases: { a: "'`$\"\\ü\n".repeat(2000) } }))),
  };
  const place = folder({ "wrangler.jsonc": "{}", "dev.env": dotenv(values) });
  const result = wranglerVariables(path.join(place, "wrangler.jsonc"), ["dev.env"], {}, undefined, true);
  assert.deepEqual(Object.fromEntries(Object.entries(result).map(([name, { value }]) => [name, value])), values);
  for (const value of ["'`\"", "x\\", "'`\\n"]) refused(() => dotenv({ NAME: value }), /^NAME: a dotenv file cannot hold/, value);
});

test("the committed .env opens only where there is no .dev.vars", () => {
  const env = readFileSync(path.join(WORKER, ".env"), "utf8");
  const seen = (place) => wranglerVariables(path.join(place, "wrangler.jsonc"), undefined, {}, undefined, true);
  assert.deepEqual(seen(folder({ "wrangler.jsonc": "{}", ".env": env })), { DEV: { type: "secret_text", value: "true" } });
  assert.deepEqual(seen(folder({ "wrangler.jsonc": "{}", ".env": env, ".dev.vars": "PROXY_API_KEY=k" })), {
    PROXY_API_KEY: { type: "secret_text", value: "k" },
  });
});

test("dev: a file without caller keys is open on this machine, as natively", () => {
  const { uppers, lowers } = read(written(EXAMPLE));
  assert.equal(local({ uppers, lowers }, { MY_LLM_KEY: "sk-mine" }).DEV, undefined);
  assert.equal(local({ uppers, lowers }, { MY_LLM_KEY: "sk-mine" }).MY_LLM_KEY, "sk-mine");
  assert.deepEqual(local({ uppers: {}, lowers: {} }, {}), { DEV: "true" });
  assert.deepEqual(local({ uppers: { DEV: false }, lowers: {} }, {}), { DEV: "false" });
});

test("dev: the variables reach wrangler in a file that only this user reads", () => {
  const place = folder({ "wharf.jsonc": EXAMPLE });
  assert.deepEqual(prepare(path.join(place, "wharf.jsonc"), place, {}), ["--env-file", ".wrangler/dev.env"]);
  const target = path.join(place, ".wrangler/dev.env");
  assert.equal(statSync(target).mode & 0o777, 0o600);
  assert.match(readFileSync(target, "utf8"), /^PROXY_API_KEY='\["team-a","team-b"\]'$/m);
  writeFileSync(path.join(place, ".dev.vars"), "DEV=true");
  assert.deepEqual(prepare(path.join(place, "wharf.jsonc"), place, {}).slice(2), ["--env-file", ".dev.vars"]);
  assert.deepEqual(prepare(null, place, {}), []);
  assert.ok(!existsSync(target), "what an earlier run left is gone");
});

test("the bundle holds the sections and no upper-case member", () => {
  const text = module(written(EXAMPLE));
  for (const secret of ["team-a", "sk-openai-1", "PROXY_API_KEY"]) assert.ok(!text.includes(secret));
  const bundled = JSON.parse(/^export default (.*);$/m.exec(text)[1]);
  assert.deepEqual(Object.keys(JSON.parse(bundled)), ["providers", "aliases"]);
  assert.match(module(null), /^export default null;$/m);
  assert.match(module(written('{ "PROXY_API_KEY": "k" }')), /^export default null;$/m);
});

test("the Worker's folder goes before the root, wharf.jsonc before config.jsonc, an environment's own file before both", () => {
  const root = folder({ "wharf.jsonc": "{}", "config.staging.jsonc": "{}", "crates/worker/config.jsonc": "{}" });
  const folders = [path.join(root, "crates/worker"), root];
  assert.equal(locate(null, folders), path.join(root, "wharf.jsonc"));
  assert.equal(locate("staging", folders), path.join(root, "config.staging.jsonc"));
  writeFileSync(path.join(root, "crates/worker/wharf.jsonc"), "{}");
  assert.equal(locate("other", folders), path.join(root, "crates/worker/wharf.jsonc"));
  assert.equal(locate(null, [folder()]), null);
});

// The script in a tree of its own, with a wrangler that writes down what it is called with.
function sandbox(config) {
  const root = folder({ "config.jsonc": config });
  const worker = path.join(root, "crates/worker");
  cpSync(path.join(WORKER, "scripts"), path.join(worker, "scripts"), { recursive: true });
  symlinkSync(path.join(WORKER, "node_modules"), path.join(worker, "node_modules"));
  const log = path.join(root, "calls");
  const played = `#!${process.execPath}
const input = require("fs").readFileSync(0, "utf8");
require("fs").appendFileSync(${JSON.stringify(log)}, JSON.stringify({ args: process.argv.slice(2), input }) + "\\n");
if (process.argv[3] === "list") console.log('[{"name":"WHARF_CONFIG"},{"name":"WHARF_CONFIG_2"},{"name":"OTHER"}]');
`;
  mkdirSync(path.join(root, "bin"));
  writeFileSync(path.join(root, "bin/wrangler"), played, { mode: 0o755 });
  return (...args) => {
    rmSync(log, { force: true });
    const env = { PATH: `${path.join(root, "bin")}:${process.env.PATH}` };
    const done = spawnSync(process.execPath, [path.join(worker, "scripts/secrets.mjs"), ...args], { env, encoding: "utf8" });
    const calls = existsSync(log) ? readFileSync(log, "utf8").trim().split("\n").map((line) => JSON.parse(line)) : [];
    return { ...done, shown: done.stdout + done.stderr, calls };
  };
}

test("secrets:deploy sends values on standard input alone, and shows names", () => {
  const run = sandbox(EXAMPLE);
  const done = run("--env", "staging");
  assert.equal(done.status, 0, done.shown);
  assert.deepEqual(done.calls.map((call) => call.args), [
    ["secret", "list", "--format", "json", "--env", "staging"],
    ["secret", "bulk", "--env", "staging"],
  ]);
  const sent = JSON.parse(done.calls[1].input);
  assert.equal(sent.PROXY_API_KEY, '["team-a","team-b"]');
  assert.equal(sent.ENABLE_GLOBAL_ROUND_ROBIN, "true");
  assert.equal(JSON.parse(sent.WHARF_CONFIG).aliases.fast, "groq/llama");
  assert.equal(sent.WHARF_CONFIG_2, null, "a piece of a longer configuration is deleted");
  assert.ok(!("GROQ_API_KEY" in sent) && !("OTHER" in sent));
  for (const secret of ["team-a", "sk-openai", "groq/llama"]) assert.ok(!done.shown.includes(secret), done.shown);
  assert.match(done.shown, /^4 secrets of .*config\.jsonc:$/m);
  assert.match(done.shown, /^ {2}OPENAI_API_KEY$/m);
  assert.match(done.shown, /MY_LLM_KEY is referred to and not set here: wrangler secret put MY_LLM_KEY/);
});

test("secrets:deploy --dry-run calls nothing", () => {
  const done = sandbox(EXAMPLE)("--dry-run");
  assert.equal(done.status, 0, done.shown);
  assert.deepEqual(done.calls, []);
  assert.ok(!done.shown.includes("team-a"));
});

test("secrets:deploy: over a hundred go in several calls; a value that is too long is named", () => {
  const many = Object.fromEntries(Array.from({ length: 150 }, (_, index) => [`KEY_${index}`, `v${index}`]));
  const done = sandbox(JSON.stringify(many))();
  assert.deepEqual(done.calls.map((call) => [call.args[1], Object.keys(JSON.parse(call.input)).length]), [["bulk", 100], ["bulk", 50]]);
  const long = sandbox(JSON.stringify({ OPENAI_API_KEY: "x".repeat(PIECE_BYTES + 1) }))();
  assert.equal(long.status, 1);
  assert.match(long.stderr, /^OPENAI_API_KEY: longer than/);
  assert.deepEqual(long.calls, []);
});

test("stale pieces are the ones behind the last that is sent", () => {
  assert.deepEqual(stale(["WHARF_CONFIG", "WHARF_CONFIG_2", "WHARF_CONFIG_10", "WHARF_CONFIGX", "A"], { WHARF_CONFIG: "x" }), ["WHARF_CONFIG_2", "WHARF_CONFIG_10"]);
});

test("wrangler.jsonc binds both objects at the top, after the predecessor's migration; the root's file is the same", () => {
  const own = parse(readFileSync(path.join(WORKER, "wrangler.jsonc"), "utf8"));
  assert.equal(own.name, "llm-proxy");
  assert.deepEqual(own.durable_objects.bindings, [
    { name: "KEY_ROTATION_MANAGER", class_name: "KeyRotationManager" },
    { name: "LLM_PROXY_DO", class_name: "LlmProxyDO" },
  ]);
  assert.deepEqual(own.migrations[0], { tag: "v1.0", new_sqlite_classes: ["KeyRotationManager"] });
  assert.ok(own.compatibility_flags.includes("enable_request_signal"));
  assert.equal(own.env, undefined);
  const root = parse(readFileSync(path.resolve(WORKER, "../../wrangler.jsonc"), "utf8"));
  const same = ({ $schema, main, build, ...rest }) => rest;
  assert.deepEqual(same(root), same(own));
  assert.equal(root.main, "crates/worker/build/index.js");
});
