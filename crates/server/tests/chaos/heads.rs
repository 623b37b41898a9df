//! Answers that are no answers: statuses, hints, errors inside a 200, nonsense.

use crate::{ask, chat, events, start};
use serde_json::{Value, json};
use wharf_testkit::client::{Framing, fetch};

#[test]
fn statuses_have_an_error_in_the_format_asked() {
    let chaos = start();
    for status in [401, 402, 403, 500, 529] {
        let answer = ask(&chaos, &format!("status:{status}"), false).unwrap();
        assert_eq!(answer.status, status);
        assert!(answer.json()["error"]["message"].is_string());
    }
    for (path, pointer, expected) in [
        ("/v1/messages", "/error/type", json!("rate_limit_error")),
        ("/v1beta/models/m:generateContent", "/error/status", json!("RESOURCE_EXHAUSTED")),
        ("/v1/responses", "/error/type", json!("server_error")),
        ("/v2/chat", "/message", json!("The upstream was told to fail.")),
    ] {
        let answer = fetch(&chaos.base(), "POST", &format!("/status:429{path}"), &[], &chat(true));
        assert_eq!(answer.json().pointer(pointer), Some(&expected), "{path}");
    }
}

#[test]
fn rate_limits_have_the_hints_that_are_asked_for() {
    let chaos = start();
    let bare = ask(&chaos, "rate-limit", false).unwrap();
    assert_eq!((bare.status, bare.header("retry-after")), (429, None));
    let hints = "rate-limit:retry-after=7,retry-after-ms=6500,reset-requests=3,should-retry=false";
    let hinted = ask(&chaos, hints, true).unwrap();
    for (name, value) in [
        ("retry-after", "7"),
        ("retry-after-ms", "6500"),
        ("x-ratelimit-reset-requests", "3s"),
        ("x-should-retry", "false"),
    ] {
        assert_eq!(hinted.header(name), Some(value), "{name}");
    }
    let path = "/rate-limit:retry-info=9/v1beta/models/m:generateContent";
    let gemini = fetch(&chaos.base(), "POST", path, &[], &chat(false)).json();
    assert_eq!(gemini["error"]["details"][0]["retryDelay"], "9s");
    let dated = ask(&chaos, "rate-limit:retry-after-date=60", false).unwrap();
    assert!(dated.header("retry-after").unwrap().ends_with(" GMT"));
    assert_eq!(ask(&chaos, "quota", false).unwrap().json()["error"]["code"], "insufficient_quota");
}

#[test]
fn errors_come_in_a_200_too() {
    let chaos = start();
    let plain = ask(&chaos, "error", false).unwrap();
    assert!(plain.status == 200 && plain.json()["error"]["message"].is_string());
    for count in [0, 2] {
        let streamed = ask(&chaos, &format!("error:{count}"), true).unwrap();
        assert_eq!((streamed.status, streamed.complete, events(&streamed)), (200, true, count + 1));
        let last =
            streamed.text().lines().rev().find_map(|line| line.strip_prefix("data: ").map(str::to_owned));
        let last: Value = serde_json::from_str(&last.unwrap()).unwrap();
        assert!(last["error"]["message"].is_string());
    }
    for (path, event) in [
        ("/v1/messages", "event: error\ndata: {\"type\":\"error\""),
        ("/v1/responses", "event: error\ndata: {\"type\":\"error\""),
        ("/v1beta/models/m:streamGenerateContent", "data: {\"error\":{\"code\":503"),
        (
            "/v2/chat",
            "event: message-end\ndata: {\"type\":\"message-end\",\"delta\":{\"finish_reason\":\"ERROR\"",
        ),
        ("/api/chat", "{\"error\":"),
    ] {
        let answer = fetch(&chaos.base(), "POST", &format!("/error{path}"), &[], &chat(true));
        assert!(answer.text().starts_with(event), "{path}: {}", answer.text());
    }
}

#[test]
fn empty_answers_are_whole_and_hold_nothing() {
    let chaos = start();
    for stream in [false, true] {
        let chunked = ask(&chaos, "empty-stream", stream).unwrap();
        assert_eq!((chunked.status, chunked.framing, chunked.complete), (200, Framing::Chunked, true));
        let sized = ask(&chaos, "empty-body", stream).unwrap();
        assert_eq!((sized.status, sized.framing, sized.body.len()), (200, Framing::Sized(0), 0));
    }
}

#[test]
fn nonsense_is_where_it_should_be() {
    let chaos = start();
    let broken = ask(&chaos, "bad-json", false).unwrap();
    assert!(broken.complete && serde_json::from_slice::<Value>(&broken.body).is_err());
    let no_sse = ask(&chaos, "bad-sse:2", true).unwrap();
    assert_eq!((events(&no_sse), no_sse.complete), (2, true));
    assert!(no_sse.body.windows(2).any(|pair| pair == b"\xff\xfe"));
    for count in [0, 2] {
        let answer = ask(&chaos, &format!("bad-json:{count}"), true).unwrap();
        let text = answer.text();
        let data: Vec<&str> = text.lines().filter_map(|line| line.strip_prefix("data: ")).collect();
        let readable = data.iter().filter(|data| serde_json::from_str::<Value>(data).is_ok()).count();
        assert_eq!((readable, data.len(), answer.complete), (count, count + 1, true));
    }
    assert!(ask(&chaos, "garbage", false).is_err());
    assert!(!crate::ends::raw(&chaos, "garbage", false).starts_with("HTTP"));
}
