// State that all isolates share: one Durable Object per key pool. It makes a step atomic and durable; what a step does is
// the core's own arithmetic, in wasm.

import { DurableObject } from "cloudflare:workers";
import { STORE_FAILED, STORE_SLOW } from "./events.js";
import { Failed } from "./source.js";
import { instance } from "./wasm.js";

// One step on one pool; the op and the reply are JSON. The object's name is the pool's, as in the predecessor.
export async function step(env, shard, op, patience) {
  const objects = env.KEY_ROTATION_MANAGER;
  if (!objects) throw new Failed(STORE_FAILED);
  let timer;
  const late = new Promise((_, reject) => (timer = setTimeout(() => reject(new Failed(STORE_SLOW)), patience)));
  try {
    return await Promise.race([objects.get(objects.idFromName(shard)).step(shard, op), late]);
  } finally {
    clearTimeout(timer);
  }
}

export class KeyRotationManager extends DurableObject {
  #sql;
  #state = null;

  constructor(ctx, env) {
    super(ctx, env);
    this.#sql = ctx.storage.sql;
  }

  // Without an await: nothing comes between reading and writing, and the reply leaves once the write is kept.
  step(shard, op) {
    this.#state ??= this.#read(shard);
    const { state, reply } = instance(this.env).step(this.#state, op);
    const after = JSON.stringify(state);
    if (after !== this.#state) {
      this.#state = after;
      this.#sql.exec("INSERT OR REPLACE INTO pools (shard, state) VALUES (?, ?)", shard, after);
    }
    return JSON.stringify(reply);
  }

  #read(shard) {
    this.#sql.exec("CREATE TABLE IF NOT EXISTS pools (shard TEXT PRIMARY KEY, state TEXT NOT NULL)");
    const [own] = this.#sql.exec("SELECT state FROM pools WHERE shard = ?", shard).toArray();
    if (own) return own.state;
    // The predecessor's object kept its index here: rotation goes on where it stood.
    const known = this.#sql.exec("SELECT 1 FROM sqlite_master WHERE type = 'table' AND name = 'counters'").toArray();
    const [before] =
      known.length > 0
        ? this.#sql.exec("SELECT current_index FROM counters WHERE key_name = ?", shard).toArray()
        : [];
    return JSON.stringify({ next: before?.current_index ?? 0 });
  }
}
