//! The hub over all formats.

use super::custom::{Unwrap, unwrap_all};
use super::{Context, Pipe, Said, field_name, gather, read_request, whole, write_error, write_request};
use crate::chat::{Choice, Event, Failure, Field, Part, Quirks, Response, Slot, Target, ToolCall};
use crate::{End, Format};

const CLIENTS: [Format; 4] =
    [Format::OpenAiChat, Format::OpenAiResponses, Format::AnthropicMessages, Format::GeminiGenerate];

fn start(block: u32, name: &'static str, custom: bool) -> Event<'static> {
    Event::ToolStart {
        slot: Slot { choice: 0, block },
        id: "1".into(),
        name: name.into(),
        custom,
        state: None,
    }
}

fn delta(block: u32, text: &'static str) -> Event<'static> {
    Event::ToolDelta(Slot { choice: 0, block }, text.into())
}

const fn end(block: u32) -> Event<'static> {
    Event::ToolEnd(Slot { choice: 0, block })
}

fn unwrapped(events: impl IntoIterator<Item = Event<'static>>) -> Vec<Event<'static>> {
    let mut unwrap = Unwrap::new(vec!["sql".to_owned()]);
    let mut out = Vec::new();
    for event in events {
        unwrap.push(event, &mut |event| out.push(event.into_owned()));
    }
    out
}

#[test]
fn a_custom_tools_call_becomes_plain_input_again() {
    let came = [
        start(0, "sql", false),
        start(1, "other", false),
        delta(0, "{\"inp"),
        delta(1, "{\"a\":1}"),
        delta(0, "ut\":\"SELECT \\\"x\\\"\"}"),
        end(1),
        end(0),
    ];
    let went = [
        start(0, "sql", true),
        start(1, "other", false),
        delta(1, "{\"a\":1}"),
        end(1),
        delta(0, "SELECT \"x\""),
        end(0),
    ];
    assert_eq!(unwrapped(came), went);
}

#[test]
fn a_custom_call_of_the_upstreams_own_stays_and_an_empty_one_has_no_delta() {
    let own = [start(0, "sql", true), delta(0, "SELECT 1"), end(0)];
    assert_eq!(unwrapped(own.clone()), own);
    assert_eq!(unwrapped([start(0, "sql", false), end(0)]), [start(0, "sql", true), end(0)]);
}

#[test]
fn the_same_holds_for_a_whole_answer() {
    let call = |name: &'static str, arguments: &'static str| {
        Part::ToolCall(ToolCall { name: name.into(), arguments: arguments.into(), ..ToolCall::default() })
    };
    let parts = vec![call("sql", r#"{"input":"SELECT 1"}"#), call("other", r#"{"input":"x"}"#)];
    let mut response =
        Response { choices: vec![Choice { parts, ..Choice::default() }], ..Response::default() };
    unwrap_all(&mut response, &["sql".to_owned()]);
    let [Part::ToolCall(sql), Part::ToolCall(other)] = &response.choices[0].parts[..] else { panic!() };
    assert_eq!((sql.custom, &*sql.arguments), (true, "SELECT 1"));
    assert_eq!((other.custom, &*other.arguments), (false, r#"{"input":"x"}"#));
}

#[test]
fn what_is_no_json_is_refused_at_its_place() {
    for format in CLIENTS {
        for (body, path) in
            [("", "the body"), ("[", "the body"), (r#"{"messages":[{"role":nope}]}"#, "messages[0].role")]
        {
            let said = Said { model: Some("m"), ..Said::default() };
            assert_eq!(
                read_request(format, body.as_bytes(), &said).unwrap_err().path,
                path,
                "{format}: {body}"
            );
        }
    }
    assert!(read_request(Format::OllamaChat, b"{}", &Said::default()).is_err());
}

#[test]
fn every_dialect_names_every_field_that_can_be_lost() {
    for format in CLIENTS {
        for field in [Field::Seed, Field::Image, Field::Reasoning, Field::ToolError, Field::CacheControl] {
            assert!(!field_name(format, field).is_empty(), "{format}: {field:?}");
        }
    }
}

#[test]
fn a_cut_stream_is_an_error_in_every_dialect_and_an_upstream_that_says_nothing_too() {
    for from in Format::ALL {
        for to in CLIENTS {
            for end in [End::Clean, End::Cut, End::IdleTimeout] {
                let mut out = Vec::new();
                let mut pipe = Pipe::new(from, to, &Context::default()).unwrap();
                pipe.push(b"", &mut out);
                assert!(out.is_empty());
                pipe.finish(end, &mut out);
                let failure = pipe.progress().failure.clone().unwrap();
                let text = String::from_utf8(out).unwrap();
                assert!(text.contains(&failure.message), "{from} to {to}: {text}");
                assert!(!text.contains("[DONE]") && !text.contains("message_stop"), "{from} to {to}: {text}");
            }
        }
    }
}

#[test]
fn what_can_not_be_read_is_a_failure_that_quotes_nothing() {
    for from in Format::ALL {
        for to in CLIENTS {
            let secret = b"{\"secret-sauce\": ";
            let failure = whole(from, to, secret, false, &Context::default()).unwrap_err();
            assert_eq!(failure.status, 502, "{from} to {to}");
            assert!(!failure.message.contains("secret-sauce"), "{from} to {to}: {}", failure.message);
            assert!(gather(from, to, secret, &Context::default()).is_err(), "{from} to {to}");
        }
    }
}

#[test]
fn an_error_for_a_format_that_no_client_speaks_has_the_house_form() {
    for format in Format::ALL {
        let body = write_error(format, &Failure::new(429, "rate_limited", "slow down"), "req_1");
        assert!(String::from_utf8(body).unwrap().contains("slow down"), "{format}");
    }
}

#[test]
fn what_strangers_thought_goes_before_a_body_passes_as_it_is() {
    let cleaned = |format, body: &str| {
        super::without_strangers(format, body.as_bytes()).map(|body| String::from_utf8(body).unwrap())
    };
    let (anthropic, responses, gemini) =
        (Format::AnthropicMessages, Format::OpenAiResponses, Format::GeminiGenerate);
    let body = r#"{"max_tokens": 9, "messages": [{"role": "user", "content": "a \"wharf1.\""},
        {"role": "assistant", "content": [{"type": "thinking", "thinking": "x", "signature": "wharf1.gemini.call.U2ln"}]},
        {"role": "assistant", "content": [{"type": "thinking", "thinking": "x", "signature": ""},
        {"type": "thinking", "thinking": "y", "signature": "EqQB"}, {"type": "text", "text": "b"}]}], "x": 1.0}"#;
    let left = r#"{"max_tokens":9,"messages":[{"role": "user", "content": "a \"wharf1.\""},{"role":"assistant","content":[{"type": "thinking", "thinking": "y", "signature": "EqQB"},{"type": "text", "text": "b"}]}],"x":1.0}"#;
    assert_eq!(cleaned(anthropic, body).as_deref(), Some(left));
    assert_eq!(cleaned(anthropic, left), None);
    let body = r#"{"messages":[{"content":[{"type":"text","text":""},{"type":"thinking","signature":"wharf1.gemini.text.U2ln"},{"type":"text","text":"b"}]}]}"#;
    let left = r#"{"messages":[{"content":[{"type":"text","text":"b"}]}]}"#;
    assert_eq!(cleaned(anthropic, body).as_deref(), Some(left));
    let body = r#"{"input":[{"type":"reasoning","encrypted_content":"wharf1.claude.reasoning.U2ln"},{"type":"reasoning","encrypted_content":"gAAA"}]}"#;
    let left = r#"{"input":[{"type":"reasoning","encrypted_content":"gAAA"}]}"#;
    assert_eq!(cleaned(responses, body).as_deref(), Some(left));
    assert_eq!(cleaned(responses, r#"{"input": "\"wharf1."}"#), None);
    // `wharf1.claude.call.U2ln`
    let body = r#"{"contents":[{"parts":[{"functionCall":{"name":"f"},"thoughtSignature":"d2hhcmYxLmNsYXVkZS5jYWxsLlUybG4="},{"text":"","thought":true,"thoughtSignature":"d2hhcmYxLmNsYXVkZS5jYWxsLlUybG4="},{"text":"a","thoughtSignature":"U2ln"}]}]}"#;
    let left =
        r#"{"contents":[{"parts":[{"functionCall":{"name":"f"}},{"text":"a","thoughtSignature":"U2ln"}]}]}"#;
    assert_eq!(cleaned(gemini, body).as_deref(), Some(left));
}

#[test]
fn what_has_no_name_is_lost_by_a_name() {
    let body = br#"{"":1,"input":"hi","reasoning":{"":{"a":1}}}"#;
    let said = Said { model: Some("m"), ..Said::default() };
    let request = read_request(Format::OpenAiResponses, body, &said).unwrap();
    let names = request.losses.names(|field| field_name(Format::OpenAiResponses, field));
    assert_eq!(names, ["reasoning.\"\"", "\"\""]);
}

#[test]
fn very_many_tools_and_names_are_matched_without_looking_through_them() {
    let listed = |form: &dyn Fn(usize) -> String| (0..20_000).map(form).collect::<Vec<_>>().join(",");
    let tools = listed(&|at| {
        format!(r#"{{"type":"namespace","name":"n{at}","tools":[{{"type":"custom","name":"f"}}]}}"#)
    });
    let names = listed(&|at| format!(r#"{{"type":"custom","name":"n{at}__f"}}"#));
    let body = format!(
        r#"{{"input":"hi","tools":[{tools}],"tool_choice":{{"type":"allowed_tools","mode":"auto","tools":[{names}]}}}}"#
    );
    let said = Said { model: Some("m"), ..Said::default() };
    let request = read_request(Format::OpenAiResponses, body.as_bytes(), &said).unwrap();
    assert_eq!(request.namespaces.len(), 20_000);
    let quirks = Quirks::default();
    for to in Format::ALL {
        let target = Target { model: "m", stream: false, quirks: &quirks };
        assert!(write_request(to, &request, &target).is_ok(), "{to}");
    }
}

#[test]
fn what_should_be_an_object_and_is_a_list_has_a_path() {
    let said = Said { model: Some("m"), ..Said::default() };
    for (format, body, path) in [
        (Format::OpenAiChat, r#"[]"#, "the body"),
        (Format::OpenAiChat, r#"{"messages":{}}"#, "messages"),
        (Format::OpenAiChat, r#"{"messages":[[]]}"#, "messages[0]"),
        (Format::OpenAiChat, r#"{"messages":[{"role":"user","content":[[]]}]}"#, "messages[0].content[0]"),
        (Format::OpenAiResponses, r#"{"input":[[]]}"#, "input[0]"),
        (Format::OpenAiResponses, r#"{"input":"x","tools":[[]]}"#, "tools[0]"),
        (Format::AnthropicMessages, r#"{"max_tokens":1,"messages":[[]]}"#, "messages[0]"),
        (
            Format::AnthropicMessages,
            r#"{"max_tokens":1,"messages":[{"role":"user","content":[[]]}]}"#,
            "messages[0].content[0]",
        ),
        (Format::GeminiGenerate, r#"{"contents":[[]]}"#, "contents[0]"),
        (Format::GeminiGenerate, r#"{"contents":[{"role":"user","parts":[[]]}]}"#, "contents[0].parts[0]"),
    ] {
        let read = read_request(format, body.as_bytes(), &said);
        assert_eq!(read.map(|_| ()).unwrap_err().path, path, "{format}: {body}");
    }
}
