//! One run with distinctive secrets everywhere, good and failing requests alike: afterwards no secret may stand in a log
//! line, an answer, a file, or a request to somebody whom it does not belong to.

#![expect(clippy::unwrap_used, clippy::panic, reason = "a test that cannot go on fails")]

mod commands;
mod run;

use serde_json::json;
use wharf_testkit::process::{Launch, Wharf};
use wharf_testkit::upstream::Upstream;

/// Of callers: never sent on, never shown.
const CALLERS: [&str; 2] = ["caller-Qx7Zk2Lm9Tv4Bn8W", "caller+Rj5/Hd3Fs6Yp1Gc0=="];
/// Wrong ones, which are secrets of somebody all the same.
const WRONG: [&str; 2] = ["wrong-Mz4Xc8Vb2Nq6Lk0J", "wrong-Hy7Gt5Fr3De1Sw9A"];
/// A client's own key for a provider that relays.
const RELAYED: &str = "relayed-Pk3Lj6Hg9Fd2Sa5Q";
const COOKIE: &str = "cookie-Ue8Iw4Ot1Ry7Pz3C";
const OPENAI: [&str; 3] = ["sk-openai-Wn5Rb8Yc3Hd6", "sk-openai-Jf1Pg4Ks7Xa2", "sk-openai-Tv9Lo3Mi6Nu0"];
const ANTHROPIC: &str = "ant-Vu9Me5Zt8Cq1Bx4K";
const GEMINI: &str = "AIzaGem-Ys2Dp7Ef4Rk9Wl6";
const CUSTOM: &str = "custom-Oa5Sd8Fg1Hj4Kl7Z";
const TOKEN: &str = "aigtoken-Hs3Dw6Ny0Fj7Ek2";
const ADMIN: &str = "admin-Xc1Vb4Nm7Qw0Er3T";
const PASSWORD: &str = "proxypass-Zx9Cv6Bn3Ma0Sd";
/// In the query of a base URL.
const QUERY: &str = "querykey-Ty6Ui9Op2As5Df8";

/// All of them.
fn secrets() -> Vec<&'static str> {
    let single = [RELAYED, COOKIE, ANTHROPIC, GEMINI, CUSTOM, TOKEN, ADMIN, PASSWORD, QUERY];
    [&CALLERS[..], &WRONG, &OPENAI, &single].concat()
}

/// A configuration with a secret wherever there can be one.
fn launch(upstream: &Upstream, proxy: &str) -> Launch {
    let soon = json!({"first_byte_ms": 500});
    let config = json!({
        "PROXY_API_KEY": CALLERS[0],
        "OPENAI_API_KEY": OPENAI,
        "ANTHROPIC_API_KEY": ANTHROPIC,
        "ADMIN_API_KEY": ADMIN,
        "ENABLE_GLOBAL_ROUND_ROBIN": true,
        "CLOUDFLARE_ACCOUNT_ID": "account1",
        "CUSTOM_OPENAI_ENDPOINTS": [{
            "name": "my-llm",
            "baseUrl": upstream.url(&format!("/custom/v1?token={QUERY}")),
            "apiKeys": CUSTOM,
        }],
        "providers": {
            "openai": {"base_url": upstream.url("/openai/v1"), "timeouts": soon},
            "anthropic": {"base_url": upstream.url("/anthropic"), "timeouts": soon},
            "gemini": {"base_url": upstream.url("/gemini"), "timeouts": soon},
            "mistral": {"base_url": upstream.url("/mistral"), "relay": true},
            "groq": {"base_url": "http://llm.example/v1", "keys": ["env:GROQ_OWN_KEY"]},
            "deepseek": {"base_url": "http://127.0.0.1:1", "keys": CUSTOM},
        },
        "ai_gateway": {"origin": upstream.url("/aig"), "allow_direct": true},
        "egress": [{"when": {"provider": ["groq"]}, "via": format!("http://user:{PASSWORD}@{proxy}")}],
    });
    Wharf::launch(env!("CARGO_BIN_EXE_wharf"))
        .config(&config.to_string())
        .env("ALLOWED_PROXY_KEYS", CALLERS[1])
        .env("GEMINI_API_KEY", GEMINI)
        .env("CF_AIG_TOKEN", TOKEN)
        .env("GROQ_OWN_KEY", CUSTOM)
}
