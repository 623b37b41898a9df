//! A route's targets: the next one's turn before the client has seen a byte, and never after.

use serde_json::json;
use wharf_testkit::client::{Client, Response};
use wharf_testkit::process::Wharf;
use wharf_testkit::upstream::{Reply, Upstream, refused_address};

const CHAT: &str = r#"{"model":"smart","messages":[],"stream":false}"#;

/// A gateway whose route `smart` goes to `first`, then to `second`; the first has two keys.
fn start(first: &str, second: &str) -> Wharf {
    // Only the first is waited for in a test; a busy machine may need its time for the second.
    let (soon, late) = (json!({"first_byte_ms": 500}), json!({"first_byte_ms": 30_000}));
    let config = json!({
        "providers": {
            "first": {"base_url": first, "keys": ["key-a", "key-b"], "timeouts": soon},
            "second": {"base_url": second, "keys": ["key-c"], "timeouts": late},
        },
        "routes": {"smart": {"targets": ["first/model-1", "second/model-2"]}},
    });
    Wharf::launch(env!("CARGO_BIN_EXE_wharf")).config(&config.to_string()).start()
}

fn ask(wharf: &Wharf, body: &str) -> Response {
    let mut client = Client::connect(wharf.address());
    client.request("POST", "/v1/chat/completions", &[], body.as_bytes())
}

fn good() -> Reply {
    Reply::json(200, &json!({"good": true}))
}

#[test]
fn a_target_that_does_not_answer_gives_way_to_the_next() {
    let (first, second) = (Upstream::echo(), Upstream::start(|_| good()));
    type Play = fn() -> Reply;
    let broken: [(&str, Play, usize); 11] = [
        ("close", Reply::close, 1),
        ("reset", Reply::reset, 1),
        ("garbage", Reply::garbage, 1),
        ("half a head", Reply::half_head, 1),
        ("silence", Reply::stall, 1),
        ("500", || Reply::new(500, "down"), 1),
        ("503", || Reply::new(503, "down").header("retry-after", "9"), 1),
        ("529", || Reply::new(529, "overloaded"), 1),
        ("401", || Reply::new(401, "no"), 2),
        ("402", || Reply::new(402, "pay"), 2),
        ("429", || Reply::new(429, "slow down"), 2),
    ];
    for (name, reply, calls) in broken {
        // What one failure taught must not decide the next.
        let wharf = start(&first.base(), &second.base());
        first.forget();
        second.forget();
        first.respond(move |_| reply());
        let answer = ask(&wharf, CHAT);
        assert_eq!((answer.status, answer.text().as_str()), (200, r#"{"good":true}"#), "{name}");
        assert_eq!(answer.header("x-wharf-provider"), Some("second"), "{name}");
        assert_eq!(answer.header("x-wharf-attempts"), Some(&*(calls + 1).to_string()), "{name}");
        assert_eq!(first.requests().len(), calls, "{name}");
        assert_eq!(first.requests()[0].text(), CHAT.replace("smart", "model-1"), "{name}");
        assert_eq!(second.requests()[0].text(), CHAT.replace("smart", "model-2"), "{name}");
        assert_eq!(second.requests()[0].header("authorization"), Some("Bearer key-c"), "{name}");
    }
}

#[test]
fn a_target_that_is_not_there_gives_way_too_and_the_last_failure_is_shown() {
    let second = Upstream::start(|_| good());
    let dead = format!("http://{}", refused_address());
    assert_eq!(ask(&start(&dead, &second.base()), CHAT).status, 200);
    let nobody = start(&dead, &format!("http://{}", refused_address()));
    let answer = ask(&nobody, CHAT);
    assert_eq!((answer.status, answer.header("x-wharf-provider")), (502, Some("second")));
    let failing = Upstream::start(|_| Reply::new(503, "second is down too"));
    let answer = ask(&start(&dead, &failing.base()), CHAT);
    assert_eq!((answer.status, answer.text().as_str()), (503, "second is down too"));
}

#[test]
fn an_answer_that_is_the_callers_own_fault_is_shown_at_once() {
    let (first, second) = (Upstream::echo(), Upstream::start(|_| good()));
    let wharf = start(&first.base(), &second.base());
    for status in [200, 400, 404, 413, 422] {
        first.respond(move |_| Reply::new(status, "the first one's"));
        let answer = ask(&wharf, CHAT);
        assert_eq!((answer.status, answer.text().as_str()), (status, "the first one's"));
    }
    assert_eq!(second.requests().len(), 0);
}

#[test]
fn after_the_first_byte_nobody_else_is_asked() {
    let (reply, feed) = Reply::fed(200);
    let first = Upstream::queued([reply.header("content-type", "text/event-stream")]);
    let second = Upstream::start(|_| good());
    let wharf = start(&first.base(), &second.base());
    feed.chunk("data: {\"choices\":[{\"delta\":{\"content\":\"a\"}}]}\n\n");
    feed.cut();
    let answer = ask(&wharf, &CHAT.replace("false", "true"));
    assert!(answer.status == 200 && answer.text().contains("upstream_incomplete"), "{}", answer.text());
    assert_eq!(second.requests().len(), 0);
}
