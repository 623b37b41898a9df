// Calls that leave from another region: through a Durable Object that lives there. One that fails or does not answer in
// time never fails a request by itself: wasm is told, and goes direct where the rule allows it.

import { DurableObject } from "cloudflare:workers";
import { CLOSED, OBJECT } from "./events.js";
import { Failed } from "./source.js";

// Objects in a region: each is one thread.
const SHARDS = 8;
// How long an object may take to show that it is there.
const PATIENCE = 2000;
// For so long one that was there counts as there.
const ALIVE = 60_000;
// Only between the two of us; never from or to anybody else.
const FAILED = "x-wharf-egress-failed";

// When an object last answered, by its name.
const seen = new Map();

// One of a region's objects.
export function shard() {
  return crypto.getRandomValues(new Uint8Array(1))[0] % SHARDS;
}

function find(env, hint, name) {
  const objects = env.LLM_PROXY_DO;
  if (!objects) throw new Failed(OBJECT);
  return objects.get(objects.idFromName(name), { locationHint: hint });
}

const alive = (name) => Date.now() - (seen.get(name) ?? -ALIVE) < ALIVE;

// Fails where the region's object is not there.
export async function reaches(env, hint, shard) {
  const name = `${hint}-${shard}`;
  if (!alive(name)) await answers(find(env, hint, name), name);
}

// As fetch(url, init), from the region.
export async function regional(env, hint, shard, url, init) {
  const name = `${hint}-${shard}`;
  let response;
  try {
    const object = find(env, hint, name);
    const answer = object.fetch(url, init);
    // Whether it is there must not be guessed from an upstream that takes its time.
    if (alive(name)) response = await answer;
    else response = await Promise.race([answer, answers(object, name).then(() => answer)]);
  } catch (error) {
    if (init.signal?.aborted) throw error;
    seen.delete(name);
    throw new Failed(OBJECT);
  }
  seen.set(name, Date.now());
  const kind = response.headers.get(FAILED);
  if (kind !== null) throw new Failed(Number(kind));
  return response;
}

// Fails once the object has not answered a ping in time.
async function answers(object, name) {
  let timer;
  const late = new Promise((_, reject) => (timer = setTimeout(() => reject(new Failed(OBJECT)), PATIENCE)));
  try {
    await Promise.race([object.ping(), late]);
    seen.set(name, Date.now());
  } finally {
    clearTimeout(timer);
  }
}

export class LlmProxyDO extends DurableObject {
  ping() {}

  async fetch(request) {
    try {
      // The request's own signal does not end a call that is made for it in an object; one of ours does.
      const signal = AbortSignal.any([request.signal]);
      const answer = await fetch(request, { redirect: "manual", signal });
      if (!answer.headers.has(FAILED)) return answer;
      const response = new Response(answer.body, answer);
      response.headers.delete(FAILED);
      return response;
    } catch {
      return new Response(null, { status: 502, headers: { [FAILED]: String(CLOSED) } });
    }
  }
}
