//! Bodies that are not what they should be.

use crate::{CALLER, Setup, code};
use flate2::Compression;
use flate2::write::GzEncoder;
use std::io::Write;

const CHAT: &str = "/v1/chat/completions";

#[test]
fn what_is_no_json_object_is_invalid_json() {
    let setup = Setup::start();
    let bodies: [&[u8]; 22] = [
        b"",
        b" ",
        b"{",
        b"}",
        b"{\"model\":\"openai/m\"",
        b"{\"model\":\"openai/m\",}",
        b"{\"model\":\"openai/m\"}}",
        b"{\"model\":\"openai/m\"} x",
        b"{'model':'openai/m'}",
        b"{model:\"openai/m\"}",
        b"{\"model\":\"openai/m\",\"x\":01}",
        b"{\"model\":\"openai/m\",\"x\":nul}",
        b"{\"model\":\"openai/m\",\"x\":\"\n\"}",
        b"{\"model\":\"openai/m\",\"x\":\"\\q\"}",
        b"{\"model\":\"openai/m\" \"x\":1}",
        b"{\"model\":\"openai/m\xff\"}",
        b"{\"model\":\"openai/m\",\"x\":\"\xff\xfe\"}",
        b"\xff\xfe{\0\"\0}\0",
        b"model=openai/m",
        b"null",
        b"[]",
        b"\"openai/m\"",
    ];
    for body in bodies {
        let name = String::from_utf8_lossy(body);
        let response = setup.post(CHAT, &[("content-type", "application/json")], body);
        assert_eq!((response.status, &*code(&response)), (400, "invalid_json"), "{name}");
        assert_eq!(setup.upstream.requests().len(), 0, "{name}");
        setup.still_good(&name);
    }
}

#[test]
fn a_model_that_cannot_be_meant_is_the_callers_error() {
    let setup = Setup::start();
    let long = format!("{{\"model\":\"{}\"}}", "x".repeat(1 << 20));
    for (body, expected) in [
        (r#"{}"#, "model_required"),
        (r#"{"messages":[]}"#, "model_required"),
        (r#"{"model":null}"#, "model_required"),
        (r#"{"model":5}"#, "model_required"),
        (r#"{"model":[]}"#, "model_required"),
        (r#"{"model":{}}"#, "model_required"),
        (r#"{"model":""}"#, "model_required"),
        (r#"{"model":"openai/"}"#, "model_required"),
        (r#"{"x":{"model":"openai/m"}}"#, "model_required"),
        (r#"{"model":"/"}"#, "model_not_found"),
        (r#"{"model":" "}"#, "model_not_found"),
        (r#"{"model":"__proto__/x"}"#, "model_not_found"),
        (r#"{"model":"constructor/x"}"#, "model_not_found"),
        (r#"{"model":"toString"}"#, "model_not_found"),
        (r#"{"model":"nobody/x"}"#, "model_not_found"),
        (r#"{"model":"default"}"#, "model_not_found"),
        (r#"{"model":"a\u0000\u001bb\nc"}"#, "model_not_found"),
        (r#"{"model":"\ud800"}"#, "model_not_found"),
        (&long, "model_not_found"),
        (r#"{"model":"openai/a","model":"openai/b"}"#, "invalid_json"),
        (r#"{"model":"openai/a","\u006dodel":"openai/b"}"#, "invalid_json"),
    ] {
        let response = setup.post(CHAT, &[], body.as_bytes());
        let name = &body[..body.len().min(60)];
        let found = code(&response);
        assert_eq!(response.status, 400, "{name}");
        assert!(found == expected || (body.contains("ud800") && found == "invalid_json"), "{name}: {found}");
        assert!(response.body.len() < 2048 && !response.text().contains('\u{1b}'), "{name}");
        assert_eq!(setup.upstream.requests().len(), 0, "{name}");
    }
    setup.still_good("odd models");
}

#[test]
fn ten_megabytes_of_brackets_are_refused_without_harm() {
    let setup = Setup::start();
    for unit in ["[", "{\"a\":", "{\"model\":["] {
        let body = unit.repeat((10 << 20) / unit.len());
        let response = setup.post(CHAT, &[], body.as_bytes());
        assert_eq!((response.status, &*code(&response)), (400, "invalid_json"), "{unit}");
        setup.still_good(unit);
    }
    let deep = format!("{{\"model\":\"openai/m\",\"x\":{}{}}}", "[".repeat(5 << 20), "]".repeat(5 << 20));
    let response = setup.post(CHAT, &[], deep.as_bytes());
    assert!([200, 400].contains(&response.status), "{}", response.status);
    setup.still_good("deep, and well-formed");
}

#[test]
fn the_content_type_of_json_does_not_matter_and_a_form_must_be_one() {
    let setup = Setup::start();
    for media in ["text/plain", "application/x-www-form-urlencoded", "nonsense", ""] {
        let response = setup.post(CHAT, &[("content-type", media)], crate::GOOD);
        assert_eq!(response.status, 200, "{media}");
        let request = setup.upstream.request();
        assert_eq!(request.header_all("content-type"), ["application/json"], "{media}");
        setup.upstream.forget();
    }
    let part = "--b\r\nContent-Disposition: form-data; name=\"model\"\r\n\r\nopenai/m\r\n";
    for (media, body, expected) in [
        ("multipart/form-data", part.to_owned(), "invalid_request"),
        ("multipart/form-data; boundary=", part.to_owned(), "invalid_request"),
        ("multipart/form-data; boundary=b", "{\"model\":\"openai/m\"}".to_owned(), "model_required"),
        ("multipart/form-data; boundary=b", part.replace("model", "file") + "--b--\r\n", "model_required"),
        ("multipart/form-data; boundary=other", part.to_owned(), "model_required"),
        ("multipart/form-data; boundary=b", String::new(), "model_required"),
    ] {
        let response = setup.post("/v1/audio/transcriptions", &[("content-type", media)], body.as_bytes());
        let found = code(&response);
        assert_eq!(response.status, 400, "{media}");
        assert!(found == expected || found == "invalid_request", "{media} {body}: {found}");
        assert_eq!(setup.upstream.requests().len(), 0, "{media}");
        setup.still_good(media);
    }
}

#[test]
fn a_body_that_ends_early_reaches_nobody() {
    let setup = Setup::start();
    let good = String::from_utf8_lossy(crate::GOOD);
    for (target, media) in [
        (CHAT, "application/json"),
        ("/v1/audio/transcriptions", "multipart/form-data; boundary=b"),
        ("/openai/x", "application/octet-stream"),
    ] {
        let length = good.len() + 10;
        let head = format!(
            "POST {target} HTTP/1.1\r\nHost: h\r\nAuthorization: {CALLER}\r\nContent-Type: {media}\r\nContent-Length: {length}\r\n\r\n"
        );
        let answers = setup.raw(format!("{head}{good}"));
        assert!(answers.iter().all(|answer| answer.status == 400), "{target}: {answers:?}");
        assert!(setup.upstream.requests().iter().all(|request| !request.complete), "{target}");
        setup.still_good(target);
    }
}

#[test]
fn content_codings_are_decoded_within_the_limit_or_refused() {
    let setup = Setup::start();
    let gzip = |bytes: &[u8]| {
        let mut encoder = GzEncoder::new(Vec::new(), Compression::best());
        encoder.write_all(bytes).unwrap();
        encoder.finish().unwrap()
    };
    let whole = gzip(crate::GOOD);
    let bomb = gzip(&vec![b' '; 64 << 20]);
    for (coding, body, status, expected) in [
        ("br", whole.as_slice(), 415, "unsupported_encoding"),
        ("deflate", &whole, 415, "unsupported_encoding"),
        ("gzip, gzip", &whole, 415, "unsupported_encoding"),
        ("nonsense", &whole, 415, "unsupported_encoding"),
        ("gzip", b"not gzip", 400, "invalid_json"),
        ("gzip", &whole[..whole.len() - 9], 400, "invalid_json"),
        ("zstd", b"not zstd", 400, "invalid_json"),
        ("gzip", &bomb, 413, "request_too_large"),
    ] {
        let response = setup.post(CHAT, &[("content-encoding", coding)], body);
        let found = code(&response);
        assert_eq!(response.status, status, "{coding}");
        assert!(found == expected || found == "invalid_request", "{coding}: {found}");
        assert_eq!(setup.upstream.requests().len(), 0, "{coding}");
        setup.still_good(coding);
    }
    assert_eq!(setup.post(CHAT, &[("content-encoding", "gzip")], &whole).status, 200);
    let request = setup.upstream.request();
    assert_eq!(
        (request.text(), request.header("content-encoding")),
        (r#"{"model":"m","messages":[]}"#, None)
    );
}
