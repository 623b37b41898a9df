// Runs the built Worker in workerd, by Miniflare, as `wrangler.jsonc` says it is deployed; every request that it sends
// out, whatever its host, arrives at one address as plain HTTP. Owns no test and knows no route.

import { readdirSync, readFileSync } from "node:fs";
import { dirname, join, relative } from "node:path";
import { fileURLToPath } from "node:url";
import { parse } from "jsonc-parser";
import { Log, LogLevel, Miniflare } from "miniflare";

const FOLDER = join(dirname(fileURLToPath(import.meta.url)), "..");
const BUILD = join(FOLDER, "build");

/** Milliseconds after which a test that waits in vain fails. */
export const PATIENCE = 30_000;

/** What is deployed: name, compatibility, Durable Objects. */
export const WRANGLER = parse(readFileSync(join(FOLDER, "wrangler.jsonc"), "utf8"));

/** Where the platform says that a request comes from: the header that stands for `request.cf` on the direct socket. */
export const CF_HEADER = "mf-cf-blob";

// Miniflare wants a Worker, not an address, as the way out; this one changes nothing. Cuts and resets stay what they are.
// Another port of this machine is that port, TLS is TLS, and a name that nobody has is looked up.
const OUT = {
  name: "out",
  source: `export default { fetch(request, env) {
    const { protocol, hostname, host } = new URL(request.url);
    const here = hostname === "127.0.0.1" && (host !== env.ADDRESS || protocol === "https:");
    return here || hostname.endsWith(".invalid") ? fetch(request) : env.UPSTREAM.fetch(request);
  } };`,
};

/**
 * Starts it.
 *
 * - `vars`: variables and secrets; what is no text is one that `wrangler.jsonc` has as JSON.
 * - `upstream`: `host:port` that gets everything.
 * - `storage`: a folder for the Durable Objects' storage; one that goes away with the Worker without it.
 * - `bundled`: sections of a `wharf.jsonc` inside the Worker, as text.
 * - `source`: a main module for this test. It may import the built one as `./index.js`.
 *
 * `url` is workerd's own socket: nothing is between the test and the Worker.
 */
export async function start({ vars = {}, upstream, storage, bundled = null, source }) {
  const { name, durable_objects: objects } = WRANGLER;
  const logs = new Logs();
  const binding = (value) => ({ type: typeof value === "string" ? "text" : "json", value });
  const env = Object.fromEntries(Object.entries(vars).map(([key, value]) => [key, binding(value)]));
  for (const { name: variable, class_name: exportName } of objects.bindings) {
    env[variable] = { type: "durable-object", worker: name, exportName };
  }
  const classes = objects.bindings.map((one) => [one.class_name, { type: "durable-object", storage: "sqlite" }]);
  const main = source === undefined ? "index.js" : "test.js";
  // What lies about where this runs is nobody's configuration here.
  const config = script("config.js", `export default ${JSON.stringify(bundled)};`);
  const modules = { ...built(), ...config, ...(source === undefined ? {} : script("test.js", source)) };
  const miniflare = new Miniflare({
    log: new Log(LogLevel.NONE),
    logRequests: false,
    handleStructuredLogs: ({ level, message }) => logs.add(level, message),
    enableDevRegistry: false,
    telemetry: { enabled: false },
    cf: false,
    resourcePersistencePath: storage,
    workers: [
      {
        config: { ...worker(name, main, modules), env, exports: Object.fromEntries(classes) },
        dev: {
          outboundService: { type: "worker", worker: OUT.name },
          unsafeDirectSockets: [{ host: "127.0.0.1", port: 0 }],
          stripCfConnectingIp: false,
        },
      },
      {
        config: {
          ...worker(OUT.name, "out.js", script("out.js", OUT.source)),
          env: {
            UPSTREAM: { type: "external", address: upstream, http: {} },
            ADDRESS: { type: "text", value: upstream },
          },
        },
      },
    ],
  });
  const url = String(await miniflare.unsafeGetDirectURL(name)).replace(/\/$/, "");
  return { url, logs, stop: () => miniflare.dispose() };
}

/** What the Worker and workerd print. */
class Logs {
  #all = [];
  #waiting = [];

  add(level, message) {
    this.#all.push({ level, message });
    this.#waiting = this.#waiting.filter((look) => !look());
  }

  text() {
    return this.#all.map(({ level, message }) => `${level} ${message}`).join("\n");
  }

  /** The access log's lines. */
  lines() {
    const objects = this.#all.filter(({ message }) => message.startsWith("{"));
    return objects.map(({ message }) => JSON.parse(message));
  }

  /** Waits until `count` lines of the access log hold for `check`: a line may come after its answer. */
  async until(count, check) {
    const found = () => this.lines().filter(check);
    const enough = new Promise((resolve) => {
      const look = () => found().length >= count && (resolve(found()), true);
      if (!look()) this.#waiting.push(look);
    });
    let timer;
    const late = new Promise((_, reject) => {
      timer = setTimeout(
        () => reject(new Error(`waited in vain for ${count} log lines in:\n${this.text()}`)),
        PATIENCE,
      );
    });
    return Promise.race([enough, late]).finally(() => clearTimeout(timer));
  }
}

function worker(name, mainModule, modules) {
  const { compatibility_date: compatibilityDate, compatibility_flags: compatibilityFlags } = WRANGLER;
  return { name, compatibilityDate, compatibilityFlags, manifest: { mainModule, modulesRoot: BUILD, modules } };
}

function script(name, contents) {
  return { [name]: { type: "esm", contents } };
}

function built() {
  const modules = {};
  for (const entry of readdirSync(BUILD, { recursive: true, withFileTypes: true })) {
    const path = join(entry.parentPath, entry.name);
    const name = relative(BUILD, path);
    if (name.endsWith(".js")) modules[name] = { type: "esm", contents: readFileSync(path, "utf8") };
    if (name.endsWith(".wasm")) modules[name] = { type: "wasm", contents: new Uint8Array(readFileSync(path)) };
  }
  return modules;
}
