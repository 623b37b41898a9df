//! A translated stream on its way: silence inside it, and a client that leaves.

use serde_json::json;
use wharf_testkit::client::Client;
use wharf_testkit::process::Wharf;
use wharf_testkit::upstream::{Reply, Upstream};

const FIRST: &str = "data: {\"id\":\"c\",\"choices\":[{\"index\":0,\"delta\":{\"content\":\"Hello\"}}]}\n\n";
const ASKED: &str =
    r#"{"model":"oc/m","max_tokens":9,"stream":true,"messages":[{"role":"user","content":"hi"}]}"#;

fn start(upstream: &Upstream, idle_ms: u64) -> Wharf {
    let config = json!({
        "providers": {
            "oc": {
                "format": "openai_chat",
                "base_url": upstream.base(),
                "keys": ["key-a"],
                "timeouts": {"idle_ms": idle_ms},
            },
        },
    });
    Wharf::launch(env!("CARGO_BIN_EXE_wharf")).config(&config.to_string()).start()
}

#[test]
fn silence_inside_a_stream_is_an_error_event_and_its_end() {
    let (reply, feed) = Reply::fed(200);
    let upstream = Upstream::queued([reply.header("content-type", "text/event-stream")]);
    let wharf = start(&upstream, 300);
    feed.chunk(FIRST);
    let answer = Client::connect(wharf.address()).request("POST", "/v1/messages", &[], ASKED.as_bytes());
    assert_eq!((answer.status, answer.complete), (200, true));
    let text = answer.text();
    assert!(text.contains("\"Hello\"") && text.contains("event: error"), "{text}");
    assert!(!text.contains("message_stop"), "{text}");
    feed.cut();
}

#[test]
fn a_client_that_leaves_ends_the_upstreams_call() {
    let (reply, feed) = Reply::fed(200);
    let upstream = Upstream::queued([reply.header("content-type", "text/event-stream")]);
    let wharf = start(&upstream, 60_000);
    let mut client = Client::connect(wharf.address());
    client.send_request("POST", "/v1/messages", &[], ASKED.as_bytes());
    feed.chunk(FIRST);
    upstream.wait_for_requests(1);
    drop(client);
    upstream.wait_for_cancels(1);
}
