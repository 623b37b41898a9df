//! Every form of error that providers are known to send, and what is lost.

use crate::chat::{Failure, Field, Losses, Rule, failure_from};
use crate::json::{Fields, Path, parse};

fn read(status: u16, body: &str) -> Failure {
    failure_from(status, body.as_bytes())
}

/// Status, body, message, code, kind.
type Case = (u16, &'static str, &'static str, Option<&'static str>, Option<&'static str>);

/// One of each: see the vendors' own pages on errors, named in each format.
const CASES: &[Case] = &[
    (
        400,
        r#"{"error":{"message":"too long","type":"invalid_request_error","param":"messages","code":"context_length_exceeded"}}"#,
        "too long",
        Some("context_length_exceeded"),
        Some("invalid_request_error"),
    ),
    (401, r#"{"error":{"code":"401","message":"denied"}}"#, "denied", Some("401"), None),
    (
        529,
        r#"{"type":"error","error":{"type":"overloaded_error","message":"busy"},"request_id":"r"}"#,
        "busy",
        None,
        Some("overloaded_error"),
    ),
    (
        429,
        r#"{"error":{"code":429,"message":"quota","status":"RESOURCE_EXHAUSTED"}}"#,
        "quota",
        None,
        Some("RESOURCE_EXHAUSTED"),
    ),
    (
        404,
        r#"[{"error":{"code":404,"message":"no such model","status":"NOT_FOUND"}}]"#,
        "no such model",
        None,
        Some("NOT_FOUND"),
    ),
    (
        400,
        r#"{"object":"error","message":"bad model","type":"invalid_model","param":null,"code":"1500"}"#,
        "bad model",
        Some("1500"),
        Some("invalid_model"),
    ),
    (401, r#"{"detail":"Unauthorized"}"#, "Unauthorized", None, None),
    (
        422,
        r#"{"detail":[{"loc":["body","x"],"msg":"Extra inputs are not permitted","type":"extra_forbidden"}]}"#,
        "Extra inputs are not permitted",
        None,
        None,
    ),
    (404, r#"{"id":"x","message":"model not found"}"#, "model not found", None, None),
    (
        400,
        r#"{"code":"invalid-argument","error":"no such parameter"}"#,
        "no such parameter",
        Some("invalid-argument"),
        None,
    ),
    (
        400,
        r#"{"error":{"message":"too many","type":"invalid_request","code":400}}"#,
        "too many",
        None,
        Some("invalid_request"),
    ),
    (403, r#"{"message":"not yours"}"#, "not yours", None, None),
    (403, r#"{"Message":"not yours either"}"#, "not yours either", None, None),
    (404, r#"{"error":"model 'x' not found"}"#, "model 'x' not found", None, None),
    (400, r#"{"error":["first","second"]}"#, "first", None, None),
    (
        422,
        r#"{"title":"Input validation failed","detail":"prompt is required","status":422}"#,
        "prompt is required",
        None,
        None,
    ),
    (
        400,
        r#"{"success":false,"errors":[{"code":5007,"message":"No such model"}],"messages":[],"result":null}"#,
        "No such model",
        None,
        None,
    ),
    (404, "Not Found", "Not Found", None, None),
];

#[test]
fn the_providers_words_are_found_in_every_form() {
    for (status, body, message, code, kind) in CASES {
        let failure = read(*status, body);
        assert!(failure.message.contains(message), "{body}: {failure:?}");
        assert_eq!(failure.status, *status, "{body}");
        assert_eq!(failure.code.as_deref(), *code, "{body}");
        assert_eq!(failure.kind.as_deref(), *kind, "{body}");
    }
}

#[test]
fn a_page_and_nothing_at_all_still_say_something() {
    for body in ["<html><body>Bad gateway</body></html>", "", "{}", "[]", "null", "{\"error\":null}"] {
        let failure = read(502, body);
        assert!(!failure.message.is_empty() && !failure.message.contains('<'), "{body}: {failure:?}");
    }
}

#[test]
fn inside_a_stream_the_words_tell_the_status() {
    for (body, status) in [
        (r#"{"error":{"type":"overloaded_error","message":"m"}}"#, 529),
        (r#"{"error":{"code":400,"message":"Token limit reached"}}"#, 400),
        (r#"{"error":{"type":"requests","code":"rate_limit_exceeded","message":"m"}}"#, 429),
        (r#"{"error":{"status":"UNAVAILABLE","message":"m"}}"#, 503),
        (r#"{"response":{"error":{"code":"server_error","message":"m"}}}"#, 500),
        (r#"{"error":{"message":"who knows"}}"#, 502),
    ] {
        assert_eq!(read(0, body).status, status, "{body}");
    }
}

#[test]
fn the_provider_behind_a_router_is_heard_and_so_is_its_wish_to_wait() {
    let body = r#"{"error":{"code":429,"message":"Provider returned error","metadata":{"raw":"slow down","provider_name":"x"}}}"#;
    assert_eq!(read(429, body).message, "Provider returned error: slow down");
    let body = r#"{"error":{"code":429,"message":"m","status":"RESOURCE_EXHAUSTED","details":[{"@type":"type.googleapis.com/google.rpc.RetryInfo","retryDelay":"34.5s"}]}}"#;
    assert_eq!(read(429, body).retry_after_ms, Some(34_500));
}

#[test]
fn one_table_says_what_is_refused() {
    let mut losses = Losses::default();
    assert_eq!(losses.cannot(Field::Seed, "no seeds here"), Ok(()));
    let refused = losses.cannot(Field::Image, "no images here").unwrap_err();
    assert_eq!((refused.field, &*refused.reason), (Field::Image, "no images here"));
    assert_eq!((Field::Audio.rule(), Field::Temperature.rule()), (Rule::Refuse, Rule::Drop));
    assert_eq!(losses.fields(), [Field::Seed]);
}

#[test]
fn a_loss_is_named_once_and_by_its_general_path() {
    let body = br#"{"a":1,"b":null,"c":[],"messages":[{"x":1},{"x":2}]}"#;
    let mut losses = Losses::default();
    let mut fields = Fields::new(Path::ROOT, parse(body).unwrap()).unwrap();
    let messages = fields.array("messages").unwrap().unwrap();
    let at = Path::ROOT.name("messages");
    for (index, message) in messages.items.into_iter().enumerate() {
        losses.unread(Fields::new(at.index(index), message).unwrap());
    }
    losses.unread(fields);
    losses.field_if(true, Field::Seed);
    losses.field_if(false, Field::TopK);
    losses.field(Field::Seed);
    let mut twice = losses.clone();
    twice.merge(&losses);
    assert_eq!(twice, losses);
    let names = losses.names(|_| "seed");
    assert!(names.contains(&"messages[].x".to_owned()) && names.contains(&"a".to_owned()), "{names:?}");
    assert_eq!(names.iter().filter(|name| *name == "seed").count(), 1);
    assert!(!names.contains(&"b".to_owned()), "a null is no loss");
}

#[test]
fn the_list_of_losses_stays_a_header() {
    let mut losses = Losses::default();
    (0..1000).for_each(|number| losses.path(format!("field{number}")));
    assert_eq!(losses.names(|_| "").len(), 64);
    assert!(!losses.is_empty());
}
