// The Worker's entry: requests, and the two Durable Objects.

import { Exchange } from "./exchange.js";
import { instance } from "./wasm.js";

export { LlmProxyDO } from "./egress.js";
export { KeyRotationManager } from "./rotation.js";

export default {
  fetch(request, env, ctx) {
    return new Exchange(instance(env), request, env, ctx).answer();
  },
};
