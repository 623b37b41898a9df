//! The access log: one line for each request, whatever came of it, and nothing left behind.

use serde_json::{Value, json};
use std::collections::HashSet;
use wharf_testkit::client::{Client, fetch};
use wharf_testkit::process::{Launch, Wharf};
use wharf_testkit::upstream::{Reply, Upstream};

const CALLERS: [&str; 2] = ["caller-key-of-log-1", "caller-key-of-log-2"];
const CHAT: &[u8] = br#"{"model":"openai/m","messages":[]}"#;

fn launch(upstream: &Upstream) -> Launch {
    let config = json!({
        "PROXY_API_KEY": CALLERS,
        "OPENAI_API_KEY": ["own-key-1", "own-key-2"],
        "providers": {"openai": {"base_url": upstream.url("/v1")}},
    });
    Wharf::launch(env!("CARGO_BIN_EXE_wharf")).config(&config.to_string())
}

fn bearer(number: usize) -> String {
    format!("Bearer {}", CALLERS[number])
}

#[test]
fn a_line_says_who_asked_whom_for_what_and_what_came_of_it() {
    let mut first = true;
    let upstream = Upstream::start(move |_| {
        if std::mem::take(&mut first) { Reply::new(429, "") } else { Reply::json(200, &json!({"ok": true})) }
    });
    let wharf = launch(&upstream).start();
    let key = bearer(1);
    let headers = [("authorization", key.as_str()), ("x-request-id", "trace.me_1-2")];
    let answer = fetch(&wharf.base(), "POST", "/v1/chat/completions?secret=1", &headers, CHAT);
    assert_eq!(answer.header("x-wharf-request-id"), Some("trace.me_1-2"));
    assert_eq!(answer.header("x-wharf-attempts"), Some("2"));
    let line = &wharf.access_log(1)[0];
    let expected = json!({
        "id": "trace.me_1-2", "caller": "key-2", "method": "POST", "path": "/v1/chat/completions", "status": 200,
        "provider": "openai", "model": "m", "attempts": 2, "egress": "direct", "bytes": answer.body.len(),
    });
    for (name, value) in expected.as_object().unwrap() {
        assert_eq!(line[name], *value, "{name} in {line}");
    }
    let at = |name: &str| line[name].as_u64().unwrap();
    assert!(at("head_us") <= at("first_us") && at("first_us") <= at("end_us"), "{line}");
    assert!(line["time"].as_str().unwrap().ends_with('Z') && !line.to_string().contains("secret"), "{line}");
}

#[test]
fn every_request_has_one_line_and_an_id_of_its_own() {
    let upstream = Upstream::start(|_| Reply::json(200, &json!({})));
    let wharf = launch(&upstream).start();
    let key = bearer(0);
    let mut ids = HashSet::new();
    let long = "x".repeat(129);
    for id in ["", " ", "a b", "a/b", "a;b", "ü", &long] {
        let headers = [("authorization", key.as_str()), ("x-request-id", id)];
        let answer = fetch(&wharf.base(), "GET", "/openai/x", &headers, b"");
        let given = answer.header("x-wharf-request-id").unwrap().to_owned();
        assert!(
            given.len() == 32 && given.bytes().all(|byte| byte.is_ascii_hexdigit()),
            "{id:?} became {given}"
        );
        ids.insert(given);
    }
    for (method, target, body) in [
        ("GET", "/health", &b""[..]),
        ("GET", "/nowhere", b""),
        ("OPTIONS", "/v1/chat/completions", b""),
        ("POST", "/v1/chat/completions", b"{"),
        ("HEAD", "/openai/x", b""),
    ] {
        let answer = fetch(&wharf.base(), method, target, &[("authorization", &key)], body);
        ids.insert(answer.header("x-wharf-request-id").unwrap().to_owned());
    }
    let unknown = fetch(&wharf.base(), "GET", "/openai/x", &[], b"");
    ids.insert(unknown.header("x-wharf-request-id").unwrap().to_owned());
    let lines = wharf.access_log(13);
    let logged: HashSet<String> = lines.iter().map(|line| line["id"].as_str().unwrap().to_owned()).collect();
    assert_eq!((lines.len(), logged), (13, ids));
    let refused = lines.iter().find(|line| line["status"] == 401).unwrap();
    assert_eq!((&refused["error"], &refused["caller"]), (&json!("invalid_api_key"), &Value::Null));
}

#[test]
fn a_line_stays_one_line_of_json_whatever_is_in_it() {
    let upstream = Upstream::start(|_| Reply::json(200, &json!({})));
    let wharf = launch(&upstream).start();
    let key = bearer(0);
    let targets = ["/openai/\"quoted\"\\", "/openai/%0a%22", "/openai/<b>&'", "/openai/{x}|^`"];
    for target in targets {
        let mut client = Client::connect(wharf.address());
        client.send(format!("GET {target} HTTP/1.1\r\nHost: h\r\nAuthorization: {key}\r\n\r\n"));
        assert!(client.read().is_ok(), "{target}");
    }
    for model in [r#"openai/a\"b\\c"#, r"openai/line\nbreak\u0000\u001b", r"openai/\ud83d\ude00 ü"] {
        let body = format!("{{\"model\":\"{model}\"}}");
        fetch(&wharf.base(), "POST", "/v1/chat/completions", &[("authorization", &key)], body.as_bytes());
    }
    let lines = wharf.access_log(7);
    assert!(lines.iter().all(|line| line["method"].is_string() && line["id"].is_string()), "{lines:?}");
    let models: HashSet<&str> = lines.iter().filter_map(|line| line["model"].as_str()).collect();
    assert!(models.len() == 3 && models.contains("a\"b\\c") && models.contains("😀 ü"), "{models:?}");
}

#[test]
fn the_log_goes_where_it_is_sent() {
    let upstream = Upstream::start(|_| Reply::json(200, &json!({})));
    let key = bearer(0);
    let ask =
        |wharf: &Wharf| fetch(&wharf.base(), "GET", "/openai/x", &[("authorization", &key)], b"").status;
    let wharf =
        launch(&upstream).file("old.log", "a line of before\n").args(&["--access-log", "old.log"]).start();
    let path = wharf.folder().join("old.log");
    assert_eq!(ask(&wharf), 200);
    wharf.term();
    wharf.wait_for_stderr("its end", |text| text.contains("stopped"));
    let text = std::fs::read_to_string(path).unwrap();
    assert!(text.starts_with("a line of before\n{") && text.lines().count() == 2, "{text}");
    for (args, wanted) in [
        (&["--access-log", "off"][..], ""),
        (&["--access-log", "-", "--log", "pretty"], " 200 GET /openai/x openai "),
    ] {
        let wharf = launch(&upstream).args(args).start();
        assert_eq!(ask(&wharf), 200);
        wharf.term();
        let out = wharf.wait().stdout;
        assert!(out.contains(wanted) && out.is_empty() == wanted.is_empty(), "{args:?}: {out}");
    }
}

#[test]
fn interim_answers_of_the_upstream_are_not_taken_for_the_answer() {
    let upstream = Upstream::start(|_| {
        Reply::json(200, &json!({"ok": true}))
            .after_interim(100, ("x-a", "b"))
            .after_interim(103, ("link", "</x>"))
    });
    let wharf = launch(&upstream).start();
    let key = bearer(0);
    for target in ["/v1/chat/completions", "/openai/x"] {
        let answer = fetch(&wharf.base(), "POST", target, &[("authorization", &key)], CHAT);
        assert_eq!(
            (answer.status, answer.json()["ok"].as_bool(), answer.header("link")),
            (200, Some(true), None)
        );
    }
}

/// Open files of a process; `None` where the system does not tell.
fn open_files(wharf: &Wharf) -> Option<usize> {
    std::fs::read_dir(format!("/proc/{}/fd", wharf.id())).ok().map(Iterator::count)
}

#[test]
fn two_hundred_streams_whose_clients_leave_leave_nothing_behind() {
    let upstream =
        Upstream::start(|_| Reply::stall_after_head(200).header("content-type", "application/octet-stream"));
    let wharf = launch(&upstream).start();
    let key = bearer(0);
    let mut files = Vec::new();
    for _ in 0..3 {
        let mut clients: Vec<Client> = (0..200).map(|_| Client::connect(wharf.address())).collect();
        for client in &mut clients {
            client.send_request("GET", "/openai/stream", &[("authorization", &key)], b"");
        }
        assert!(clients.iter_mut().all(|client| client.read_head("GET").unwrap().status == 200));
        drop(clients);
        upstream.wait_until_closed();
        files.push(open_files(&wharf));
    }
    let lines = wharf.access_log(600);
    assert!(lines.iter().all(|line| line["client_gone"] == true));
    assert!(files[2] <= files[0].map(|count| count + 8), "{files:?}");
}
