// What most tests begin with: a provider, the Worker before it, and both gone when the test is over.

import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { upstream } from "./upstream.mjs";
import { start } from "./workerd.mjs";

export const CALLER = { authorization: "Bearer caller-key-1" };

/** The smallest configuration that calls a provider. */
export const VARS = { PROXY_API_KEY: "caller-key-1", OPENAI_API_KEY: "sk-openai-own-1" };

/** A chat request to OpenAI. */
export const CHAT = { method: "POST", headers: CALLER, body: { model: "openai/gpt-4o", messages: [] } };

/** Starts a provider that answers so, and the Worker with these `options` of `start`. */
export async function stage(t, options, answer) {
  const provider = await upstream(answer);
  t.after(provider.stop);
  const worker = await start({ vars: VARS, upstream: provider.address, ...options });
  t.after(worker.stop);
  return { provider, worker };
}

/** An empty folder. */
export function folder(t) {
  const path = mkdtempSync(join(tmpdir(), "wharf-worker-"));
  t.after(() => rmSync(path, { recursive: true, force: true }));
  return path;
}

/**
 * A main module around the built one: the Durable Object class `name` remembers the names of its objects, and `/names`
 * says them. With a `body`, that is all its methods do.
 */
export function watching(name, body) {
  const other = name === "LlmProxyDO" ? "KeyRotationManager" : "LlmProxyDO";
  return `
    import worker, { ${name} as Built, ${other} } from "./index.js";
    import { DurableObject } from "cloudflare:workers";
    const names = [];
    export { ${other} };
    export class ${name} extends ${body === undefined ? "Built" : "DurableObject"} {
      constructor(context, env) { super(context, env); names.push(context.id.name); }
      ${body === undefined ? "" : ["fetch", "step", "ping"].map((method) => `${method}() { ${body} }`).join("\n")}
    }
    export default { ...worker, fetch(request, env, context) {
      return new URL(request.url).pathname === "/names" ? Response.json(names) : worker.fetch(request, env, context);
    } };`;
}
