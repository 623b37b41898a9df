//! The server's part: every credential in every place where one is read, over every route.

use crate::{
    ANTHROPIC, CALLERS, COOKIE, CUSTOM, GEMINI, OPENAI, PASSWORD, QUERY, RELAYED, TOKEN, WRONG, launch,
    secrets,
};
use serde_json::json;
use wharf_testkit::client::{Client, Response};
use wharf_testkit::process::Wharf;
use wharf_testkit::secrets::{assert_no_secret, find_secret, scan_folder};
use wharf_testkit::upstream::{Recorded, Reply, Upstream, refused_address};

/// Everything that was asked and answered.
struct Session<'a> {
    wharf: &'a Wharf,
    answers: usize,
}

impl Session<'_> {
    /// Asks, and looks through the whole answer.
    fn ask(&mut self, method: &str, target: &str, headers: &[(&str, &str)], body: &str) -> Response {
        let mut client = Client::connect(self.wharf.address());
        let mut all = headers.to_vec();
        let cookie = format!("session={COOKIE}");
        all.push(("cookie", &cookie));
        let response = client.request(method, target, &all, body.as_bytes());
        let shown = format!("{:?}\n{}", response.headers, response.text());
        assert_no_secret(&format!("the answer to {method} {target}"), shown, &secrets());
        self.answers += 1;
        response
    }
}

/// Percent-encoded, as it stands in a query.
fn encoded(text: &str) -> String {
    text.replace('+', "%2B").replace('/', "%2F").replace('=', "%3D")
}

/// A way to present a caller's key: its name, headers, and a query.
type Presented = (&'static str, Vec<(&'static str, String)>, String);

fn presented(key: &str) -> Vec<Presented> {
    let query = format!("?key={}&x=1", encoded(key));
    let odd = format!("?x=1&%6B%65y={}", encoded(key));
    vec![
        ("bearer", vec![("authorization", format!("Bearer {key}"))], String::new()),
        ("bare", vec![("authorization", key.to_owned())], String::new()),
        ("x-api-key", vec![("x-api-key", key.to_owned())], String::new()),
        ("x-goog-api-key", vec![("x-goog-api-key", key.to_owned())], String::new()),
        ("api-key", vec![("api-key", key.to_owned())], String::new()),
        ("query", Vec::new(), query),
        ("odd query", Vec::new(), odd),
        (
            "both",
            vec![("x-api-key", key.to_owned()), ("authorization", format!("Bearer {key}"))],
            format!("?key={}", encoded(key)),
        ),
    ]
}

type Route = (&'static str, &'static str, &'static str);

const ROUTES: [Route; 16] = [
    ("POST", "/v1/chat/completions", r#"{"model":"openai/m","messages":[]}"#),
    ("POST", "/v1/responses", r#"{"model":"openai/m","input":""}"#),
    ("POST", "/v1/messages", r#"{"model":"anthropic/m","messages":[]}"#),
    ("POST", "/v1beta/models/gemini/m:generateContent", "{}"),
    ("POST", "/v1/embeddings", r#"{"model":"my-llm/m","input":""}"#),
    ("POST", "/v1/chat/completions", r#"{"model":"deepseek/m"}"#),
    ("POST", "/v1/chat/completions", r#"{"model":"groq/m"}"#),
    ("POST", "/v1/chat/completions", r#"{"model":"nobody/m"}"#),
    ("POST", "/v1/chat/completions", "no json"),
    ("POST", "/g/main/v1/chat/completions", r#"{"model":"openai/m","messages":[]}"#),
    ("POST", "/g/main/compat/chat/completions", r#"{"model":"openai/m"}"#),
    ("POST", "/g/main", r#"[{"provider":"openai","query":{}},{"provider":"anthropic","query":{}}]"#),
    ("GET", "/openai/files", ""),
    ("GET", "/g/main/anthropic/v1/models", ""),
    ("GET", "/my-llm/files", ""),
    ("GET", "/nowhere", ""),
];

#[test]
fn no_secret_is_anywhere_where_it_does_not_belong() {
    let upstream = Upstream::echo();
    upstream.respond(|_| Reply::json(200, &json!({"data": [], "usage": {"prompt_tokens": 1}})));
    let proxy = Upstream::start(|_| Reply::json(200, &json!({})));
    let wharf = launch(&upstream, &proxy.address().to_string()).args(&["--access-log", "access.log"]).start();
    let mut session = Session { wharf: &wharf, answers: 0 };
    for key in CALLERS.into_iter().chain(WRONG) {
        for (name, headers, query) in presented(key) {
            let headers: Vec<(&str, &str)> = headers.iter().map(|(n, v)| (*n, v.as_str())).collect();
            for (method, path, body) in ROUTES {
                let status = session.ask(method, &format!("{path}{query}"), &headers, body).status;
                assert_eq!(status == 401, WRONG.contains(&key), "{method} {path} with {name}: {status}");
            }
            for path in ["/v1/models", "/status", "/ping", "/v1/models/openai/m", "/v1beta/models", "/health"]
            {
                session.ask("GET", &format!("{path}{query}"), &headers, "");
            }
        }
        relayed(&mut session, key);
    }
    failing(&mut session, &upstream);
    let asked = upstream.requests();
    assert!(
        asked.len() > 100 && proxy.requests().len() > 10,
        "{} and {}",
        asked.len(),
        proxy.requests().len()
    );
    asked.iter().for_each(|request| belongs(request, &upstream));
    proxy.requests().iter().for_each(|request| assert_only(request, &[CUSTOM, PASSWORD]));
    wharf.term();
    look_through(wharf);
}

/// A provider that takes the client's own credential: it goes there and nowhere else, and a caller's key does not.
fn relayed(session: &mut Session<'_>, key: &str) {
    let own = format!("Bearer {RELAYED}");
    assert_eq!(session.ask("GET", "/mistral/v1/files", &[("authorization", &own)], "").status, 200);
    assert_eq!(session.ask("GET", &format!("/mistral/v1/x?key={RELAYED}"), &[], "").status, 200);
    let status = session.ask("GET", "/mistral/v1/files", &[("x-api-key", key)], "").status;
    assert_eq!(status == 401, CALLERS.contains(&key), "{key} is {status}");
}

/// Failures of every kind, each of which has a text.
fn failing(session: &mut Session<'_>, upstream: &Upstream) {
    let key = format!("Bearer {}", CALLERS[0]);
    let headers = [("authorization", key.as_str())];
    type Play = fn() -> Reply;
    // Only the first few routes have a time limit here.
    let all = ROUTES.as_slice();
    let broken: [(Play, &[Route]); 5] = [
        (Reply::close, all),
        (Reply::reset, all),
        (Reply::garbage, all),
        (Reply::half_head, all),
        (Reply::stall, &ROUTES[..4]),
    ];
    for (reply, routes) in broken {
        upstream.respond(move |_| reply());
        for (method, path, body) in routes {
            session.ask(method, path, &headers, body);
        }
    }
    for status in [400, 401, 403, 404, 429, 500] {
        upstream.respond(move |_| Reply::json(status, &json!({"error": {"message": "no"}})));
        for (method, path, body) in ROUTES {
            session.ask(method, path, &headers, body);
        }
        session.ask("GET", "/status", &headers, "");
        session.ask("GET", "/v1/models", &headers, "");
    }
    upstream.respond(|_| Reply::json(200, &json!({})));
    let secret_body = format!("{{\"model\":\"openai/m\",\"key\":\"{}\" oops", WRONG[0]);
    session.ask("POST", "/v1/chat/completions", &headers, &secret_body);
    let huge = "x".repeat(70_000);
    let mut client = Client::connect(session.wharf.address());
    client.send_request("GET", "/ping", &[headers[0], ("x-huge", &huge)], b"");
    assert_eq!(client.read().unwrap().status, 431);
    let mut client = Client::connect(session.wharf.address());
    client.send(format!("GET /ping?key={} HTTP/9.9\r\n\r\n", CALLERS[0]));
    assert_eq!(client.read().unwrap().status, 400);
    let websocket = format!("realtime, openai-insecure-api-key.{}", CALLERS[0]);
    session.ask("GET", "/openai/realtime", &[("sec-websocket-protocol", &websocket)], "");
}

/// A request may carry what its receiver is to know, and nothing else.
fn belongs(request: &Recorded, upstream: &Upstream) {
    let target = request.target.as_str();
    let own: Vec<&str> = match target {
        _ if target.starts_with("/openai") => OPENAI.to_vec(),
        _ if target.starts_with("/anthropic") => vec![ANTHROPIC],
        _ if target.starts_with("/gemini") => vec![GEMINI],
        _ if target.starts_with("/custom") => vec![CUSTOM, QUERY],
        // What is no caller's key is the client's own, as far as we can know.
        _ if target.starts_with("/mistral") => vec![RELAYED, WRONG[0], WRONG[1]],
        _ if target.starts_with("/aig") => [&OPENAI[..], &[ANTHROPIC, TOKEN]].concat(),
        _ => panic!("nobody asked for {target} at {}", upstream.address()),
    };
    assert_only(request, &own);
}

fn assert_only(request: &Recorded, own: &[&str]) {
    let others: Vec<&str> = secrets().into_iter().filter(|secret| !own.contains(secret)).collect();
    let what = format!("{} {}", request.method, request.target.split('?').next().unwrap_or_default());
    assert_no_secret(&format!("the head of {what}"), &request.raw_head, &others);
    assert_no_secret(&format!("the body of {what}"), &request.body, &others);
    if !request.target.starts_with("/aig") {
        assert!(find_secret(&request.raw_head, own).is_some(), "{what} came without its credential");
    }
}

/// What the process printed, and the files it left.
fn look_through(wharf: Wharf) {
    let folder = wharf.folder().to_path_buf();
    wharf.wait_for_stderr("its end", |text| text.contains("stopped"));
    let log = std::fs::read_to_string(folder.join("access.log")).unwrap();
    assert!(log.lines().count() > 400, "{}", log.lines().count());
    std::fs::remove_file(folder.join("test.jsonc")).unwrap();
    let leaks = scan_folder(&folder, &secrets());
    assert!(leaks.is_empty(), "{leaks:?}");
    assert!(folder.join(".local/state/wharf/wharf.db").is_file(), "the state was one of the files");
    let ended = wharf.wait();
    assert_no_secret("standard output", ended.stdout, &secrets());
    assert_no_secret("standard error", ended.stderr, &secrets());
}

#[test]
fn a_way_out_that_fails_names_no_password() {
    let upstream = Upstream::echo();
    for proxy in [refused_address().to_string(), upstream.address().to_string()] {
        upstream.respond(|_| Reply::new(407, "").header("proxy-authenticate", "Basic"));
        let wharf = launch(&upstream, &proxy).start();
        let mut session = Session { wharf: &wharf, answers: 0 };
        let key = format!("Bearer {}", CALLERS[0]);
        let response =
            session.ask("POST", "/v1/chat/completions", &[("authorization", &key)], r#"{"model":"groq/m"}"#);
        assert!([407, 502].contains(&response.status), "{}", response.status);
        assert_eq!(response.header("x-wharf-egress"), Some("proxy"));
        assert_eq!(response.header("proxy-authenticate"), None);
        wharf.access_log(session.answers);
        assert_no_secret("the log", wharf.stdout() + &wharf.stderr(), &secrets());
    }
}
