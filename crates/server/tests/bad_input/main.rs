//! Bad input over raw sockets: each gets its error, nothing else is disturbed, and a good request still works.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on fails")]

mod bodies;
mod heads;
mod paths;
mod upstreams;

use serde_json::json;
use wharf_testkit::client::{Client, Response, fetch};
use wharf_testkit::process::Wharf;
use wharf_testkit::upstream::{Reply, Upstream};

const CALLER: &str = "caller-key-of-bad-input";
const GOOD: &[u8] = br#"{"model":"openai/m","messages":[]}"#;

/// A gateway, its upstream, and how to see that both still work.
struct Setup {
    upstream: Upstream,
    wharf: Wharf,
}

impl Setup {
    fn start() -> Self {
        let upstream = Upstream::start(|_| good());
        let provider = |path: &str| {
            let timeouts = json!({"first_byte_ms": 500, "idle_ms": 500});
            json!({"base_url": upstream.url(path), "keys": ["own-key-1"], "timeouts": timeouts})
        };
        let config = json!({
            "PROXY_API_KEY": CALLER,
            "providers": {"openai": provider("/base/v1"), "gemini": provider("/deep/base"), "my.llm": provider("/my/v1")},
        });
        Self {
            wharf: Wharf::launch(env!("CARGO_BIN_EXE_wharf")).config(&config.to_string()).start(),
            upstream,
        }
    }

    /// Sends exactly these bytes on a connection of their own, says that no more will come, and reads what answers there are.
    fn raw(&self, bytes: impl AsRef<[u8]>) -> Vec<Response> {
        let mut client = Client::connect(self.wharf.address());
        client.send(bytes);
        client.close_writing();
        let mut answers = Vec::new();
        while let Ok(answer) = client.read() {
            answers.push(answer);
        }
        answers
    }

    /// Sends exactly these bytes and reads one answer.
    fn ask(&self, bytes: impl AsRef<[u8]>) -> Response {
        let mut client = Client::connect(self.wharf.address());
        client.send(bytes);
        client.read().unwrap()
    }

    fn post(&self, target: &str, headers: &[(&str, &str)], body: &[u8]) -> Response {
        let authorization = format!("Bearer {CALLER}");
        let mut all = vec![("authorization", authorization.as_str())];
        all.extend_from_slice(headers);
        fetch(&self.wharf.base(), "POST", target, &all, body)
    }

    fn get(&self, target: &str) -> Response {
        fetch(&self.wharf.base(), "GET", target, &[("authorization", &format!("Bearer {CALLER}"))], b"")
    }

    /// Whether everything still works: asked after each bad request.
    fn still_good(&self, after: &str) {
        self.upstream.respond(|_| good());
        let response = self.post("/v1/chat/completions", &[], GOOD);
        assert_eq!((response.status, response.text().as_str()), (200, r#"{"good":true}"#), "after {after}");
        self.upstream.forget();
    }
}

fn good() -> Reply {
    Reply::json(200, &json!({"good": true}))
}

/// The stable code of an error body.
fn code(response: &Response) -> String {
    response.json()["error"]["code"].as_str().unwrap_or("none").to_owned()
}
