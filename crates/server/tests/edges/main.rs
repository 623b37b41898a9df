//! The gateway's edges: browsers, TLS on both sides, limits, large uploads, and the ways out.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on fails")]

mod doors;
mod egress;
mod limits;
mod origins;
mod secure;
mod uploads;

use serde_json::{Value, json};
use wharf_testkit::client::{Response, fetch};
use wharf_testkit::process::{Launch, Wharf};
use wharf_testkit::upstream::Upstream;

const CALLER: &str = "caller-key-of-edges";
const CHAT: &[u8] = br#"{"model":"openai/m","messages":[]}"#;

/// A gateway whose provider `openai` is at `base`, and what else the configuration has.
fn launch(base: &str, more: &Value) -> Launch {
    let mut config = json!({
        "PROXY_API_KEY": CALLER,
        "OPENAI_API_KEY": "own-key-1",
        "providers": {"openai": {"base_url": base}},
    });
    for (name, value) in more.as_object().into_iter().flatten() {
        config[name] = value.clone();
    }
    Wharf::launch(env!("CARGO_BIN_EXE_wharf")).config(&config.to_string())
}

fn start(upstream: &Upstream) -> Wharf {
    launch(&upstream.base(), &json!({})).start()
}

fn authorization() -> String {
    format!("Bearer {CALLER}")
}

fn post(wharf: &Wharf, target: &str, body: &[u8]) -> Response {
    fetch(&wharf.base(), "POST", target, &[("authorization", &authorization())], body)
}
