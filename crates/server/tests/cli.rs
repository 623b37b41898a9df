//! The command line: what each command prints, to which stream, with which exit code, and whom it calls.

use serde_json::{Value, json};
use std::ffi::OsStr;
use std::os::unix::ffi::OsStrExt as _;
use std::process::Command;
use wharf_testkit::process::{Ended, Launch, Wharf};
use wharf_testkit::secrets::assert_no_secret;
use wharf_testkit::upstream::{Reply, Upstream};

const SECRETS: [&str; 5] = [
    "caller-key-Qx7Zk2Lm9Tv4",
    "sk-openai-Wn5Rb8Yc3Hd6",
    "sk-openai-Jf1Pg4Ks7Xa2",
    "ant-key-Vu9Me5Zt8Cq1",
    "aig-token-Hs3Dw6Ny0Fj7",
];

fn launch() -> Launch {
    Wharf::launch(env!("CARGO_BIN_EXE_wharf"))
}

fn config(upstream: &Upstream) -> String {
    let config = json!({
        "PROXY_API_KEY": SECRETS[0],
        "OPENAI_API_KEY": [SECRETS[1], SECRETS[2]],
        "ANTHROPIC_API_KEY": SECRETS[3],
        "CF_AIG_TOKEN": SECRETS[4],
        "providers": {
            "openai": {"base_url": upstream.url("/openai/v1"), "drop_params": ["messages"]},
            "anthropic": {"base_url": upstream.url("/anthropic")},
            "listed": {"base_url": upstream.url("/listed"), "models": ["m1"]},
        },
        "aliases": {"fast": "openai/gpt-mini"},
    });
    config.to_string()
}

fn run(upstream: &Upstream, args: &[&str]) -> Ended {
    let ended = launch().args(&args[..1]).config(&config(upstream)).args(&args[1..]).run();
    assert_no_secret(
        &format!("the output of {args:?}"),
        format!("{}{}", ended.stdout, ended.stderr),
        &SECRETS,
    );
    ended
}

#[test]
fn explain_shows_the_call_masked_and_makes_none() {
    let upstream = Upstream::echo();
    let authorization = format!("Authorization: Bearer {}", SECRETS[0]);
    let ended = run(
        &upstream,
        &[
            "explain",
            "POST",
            "/key/1/v1/chat/completions?trace=1",
            "--model",
            "fast",
            "--header",
            &authorization,
            "--header",
            "OpenAI-Project: p",
            "--header",
            "Cookie: session=abc",
        ],
    );
    assert_eq!(ended.status.code(), Some(0), "{}", ended.stderr);
    for part in [
        "provider  openai",
        "model     gpt-mini",
        &format!("POST {}?trace=1", upstream.url("/openai/v1/chat/completions")),
        "egress: direct",
        "authorization: Bearer *",
        "openai-project: p",
        "dropped   messages",
        r#"{"model":"gpt-mini"}"#,
        "2, random",
    ] {
        assert!(ended.stdout.contains(part), "{part} is not in:\n{}", ended.stdout);
    }
    assert!(!ended.stdout.contains("cookie"), "{}", ended.stdout);
    assert_eq!(upstream.log().accepted, 0, "no call was made");
}

#[test]
fn explain_tells_of_pass_through_own_paths_and_errors_too() {
    let upstream = Upstream::echo();
    let query = format!("/anthropic/v1/messages?beta=true&key={}", SECRETS[0]);
    for (args, part) in [
        (vec!["explain", "GET", query.as_str()], upstream.url("/anthropic/v1/messages?beta=true")),
        (vec!["explain", "GET", "/health"], "answered here, with 200".into()),
        (vec!["explain", "GET", "/nowhere"], "answered here, with 404".into()),
        (
            vec!["explain", "POST", "/v1/chat/completions", "--model", "nobody/x"],
            "answered here, with 400".into(),
        ),
        (vec!["explain", "get", "/v1/models"], upstream.url("/openai/v1/models")),
        (
            vec!["explain", "POST", "/v1/embeddings", "--model", "listed/e"],
            upstream.url("/listed/embeddings"),
        ),
    ] {
        let ended = run(&upstream, &args);
        assert_eq!(ended.status.code(), Some(0), "{args:?}: {}", ended.stderr);
        assert!(ended.stdout.contains(&part), "{part} is not in:\n{}", ended.stdout);
    }
    for args in [
        &["explain", "GET"][..],
        &["explain", "G@T", "/x"],
        &["explain", "GET", "/x", "--header", "nonsense"],
        &["explain", "GET", "/x", "--header", "a b: c"],
    ] {
        assert_eq!(run(&upstream, args).status.code(), Some(2), "{args:?}");
    }
    assert_eq!(upstream.log().accepted, 0, "no call was made");
}

#[test]
fn explain_shows_the_steps_for_the_ai_gateway_masked() {
    let upstream = Upstream::echo();
    let ended = launch()
        .args(&["explain", "POST", "/g/other/v1/chat/completions", "--model", "openai/m"])
        .config(&config(&upstream))
        .env("CLOUDFLARE_ACCOUNT_ID", "account1")
        .env("AI_GATEWAY_ORIGIN", &upstream.url("/aig"))
        .run();
    assert!(ended.stdout.contains(&upstream.url("/aig/account1/other")), "{}", ended.stdout);
    assert!(ended.stdout.contains("cf-aig-authorization: Bearer *"), "{}", ended.stdout);
    assert_no_secret("the steps", &ended.stdout, &SECRETS);
    assert_eq!(upstream.log().accepted, 0);
}

#[test]
fn models_and_status_ask_the_providers_and_print_json() {
    let upstream = Upstream::start(|request| match request.path() {
        "/openai/v1/models"
            if request.header("authorization") == Some(&*format!("Bearer {}", SECRETS[2])) =>
        {
            Reply::json(401, &json!({"error": "no"}))
        }
        "/openai/v1/models" => {
            Reply::json(200, &json!({"data": [{"id": "gpt", "object": "model", "created": 5}]}))
        }
        _ => Reply::json(500, &json!({})),
    });
    let models = run(&upstream, &["models"]);
    assert_eq!(models.status.code(), Some(0), "{}", models.stderr);
    let list: Value = serde_json::from_str(&models.stdout).unwrap();
    let ids: Vec<_> = list["data"].as_array().unwrap().iter().map(|model| &model["id"]).collect();
    assert_eq!(ids, ["openai/gpt", "listed/m1"]);
    assert_eq!(models.stderr, "no list from: anthropic\n");
    let status = run(&upstream, &["status"]);
    assert_eq!(status.status.code(), Some(0), "{}", status.stderr);
    let value: Value = serde_json::from_str(&status.stdout).unwrap();
    let keys = &value["providers"]["openai"]["keys"];
    assert_eq!((&keys[0]["status"], &keys[1]["status"]), (&json!("valid"), &json!("invalid")));
    assert_eq!(value["providers"]["anthropic"]["keys"][0]["status"], "unknown");
}

#[test]
fn schema_version_and_help_go_to_standard_output() {
    let schema = launch().args(&["schema"]).run();
    let value: Value = serde_json::from_str(&schema.stdout).unwrap();
    assert!(value["properties"]["PROXY_API_KEY"].is_object() && value["properties"]["providers"].is_object());
    assert_eq!((schema.status.code(), schema.stderr.as_str()), (Some(0), ""));
    let version = launch().args(&["--version"]).run();
    assert_eq!(
        (version.status.code(), version.stdout.trim()),
        (Some(0), concat!("wharf ", env!("CARGO_PKG_VERSION")))
    );
    let help = launch().args(&["--help"]).run();
    assert_eq!(help.status.code(), Some(0));
    for word in ["serve", "check", "explain", "models", "status", "schema", "Exit codes"] {
        assert!(help.stdout.contains(word), "{word} is not in the help");
    }
}

#[test]
fn a_wrong_command_line_is_told_from_a_wrong_configuration() {
    for (args, code) in [
        (&["bogus"][..], 2),
        (&["serve", "--bogus"], 2),
        (&["serve", "--listen", "nowhere"], 2),
        (&["serve", "--tls-cert", "x.pem"], 2),
        (&["serve", "--log", "xml"], 2),
        (&["--config", "x.jsonc", "check"], 2),
        (&["check", "--config", "x.jsonc"], 3),
        (&["serve", "--config", "x.jsonc"], 3),
        (&["serve", "--ca-file", "x.pem"], 3),
        (&["serve", "--tls-cert", "x.pem", "--tls-key", "y.pem"], 3),
        (&["serve", "--listen", "127.0.0.1:0", "--access-log", "/dev/null/x"], 1),
        (&["check"], 0),
        (&["check", "--config", "ca.jsonc"], 3),
        (&["check", "--config", "tls.jsonc"], 3),
    ] {
        let ended = launch()
            .without_listen()
            .file("ca.jsonc", r#"{"ca_file": "x.pem"}"#)
            .file("tls.jsonc", r#"{"tls": {"cert": "x.pem", "key": "y.pem"}}"#)
            .args(args)
            .run();
        assert_eq!(ended.status.code(), Some(code), "{args:?}: {}", ended.stderr);
        assert_eq!(code == 0, ended.stderr.is_empty(), "{args:?}: {}", ended.stderr);
    }
}

#[test]
fn an_address_in_use_is_a_failure_that_names_it() {
    let upstream = Upstream::echo();
    let address = upstream.address().to_string();
    let ended = launch().without_listen().args(&["serve", "--listen", &address]).run();
    assert_eq!(ended.status.code(), Some(1));
    assert!(ended.stderr.contains(&address), "{}", ended.stderr);
}

#[test]
fn check_shows_warnings_and_finds_no_problem() {
    let ended =
        launch().args(&["check"]).config(r#"{"OPENAI_API_KEY": "a,,a", "AI_GATEWAY_NAME": "x"}"#).run();
    assert_eq!(ended.status.code(), Some(0));
    assert!(ended.stdout.contains("no problem found"), "{}", ended.stdout);
    assert_eq!(
        ended.stderr.lines().filter(|line| line.starts_with("warning: ")).count(),
        3,
        "{}",
        ended.stderr
    );
}

#[test]
fn who_counts_on_a_region_hint_is_told_that_it_does_nothing_here() {
    const OWN: &str = r#"{"egress": [{"when": {"loc": ["HK", "CN"]}, "via": "wnam"}]}"#;
    const IN_HK: &str = r#"{"region": {"loc": "HK"}}"#;
    const IN_DE: &str = r#"{"region": {"loc": "DE"}}"#;
    for (config, told) in [(OWN, true), (IN_HK, true), (IN_DE, false), ("{}", false)] {
        let ended = launch().args(&["check"]).config(config).run();
        assert_eq!(ended.stderr.contains("region hints have no effect"), told, "{config}: {}", ended.stderr);
    }
}

#[test]
fn a_caller_key_that_is_no_text_does_not_read_as_none() {
    let ended = Command::new(env!("CARGO_BIN_EXE_wharf"))
        .args(["serve", "--listen", "127.0.0.1:0"])
        .env_clear()
        .env("PROXY_API_KEY", OsStr::from_bytes(b"caller-\xff-key"))
        .output()
        .unwrap();
    let stderr = String::from_utf8_lossy(&ended.stderr);
    assert_eq!(ended.status.code(), Some(3), "{stderr}");
    assert!(stderr.contains("`PROXY_API_KEY` is not UTF-8 text"), "{stderr}");
    assert!(!stderr.contains("caller-"), "{stderr}");
}

#[test]
fn the_banner_has_a_line_that_works() {
    let wharf = launch().start();
    let said = wharf.wait_for_stderr("the line to try", |text| text.contains("curl"));
    let line = said.lines().find(|line| line.contains("curl")).unwrap();
    let body = line.split("-d '").nth(1).unwrap().trim_end_matches('\'');
    let url = line.split_whitespace().find(|word| word.starts_with("http")).unwrap();
    let target = url.strip_prefix(&wharf.base()).unwrap();
    let headers = [("content-type", "application/json")];
    let answer = wharf_testkit::client::fetch(&wharf.base(), "POST", target, &headers, body.as_bytes());
    assert_eq!((answer.status, answer.complete), (200, true));
    assert!(answer.text().ends_with("data: [DONE]\n\n") && answer.chunks.len() > 1, "{}", answer.text());
}

#[test]
fn explain_shows_what_a_body_becomes_and_what_it_loses() {
    let upstream = Upstream::echo();
    let config = json!({
        "PROXY_API_KEY": SECRETS[0],
        "providers": {"claude": {"format": "anthropic_messages", "base_url": upstream.url("/a"), "keys": [SECRETS[1]]}},
    });
    let body = json!({
        "model": "claude/c", "seed": 4, "max_tokens": 20, "messages": [{"role": "user", "content": "Hello"}],
    });
    let launch = launch().file("wharf.jsonc", &config.to_string()).file("body.json", &body.to_string());
    let ended = launch.args(&["explain", "--body", "body.json"]).run();
    assert_eq!(ended.status.code(), Some(0), "{}", ended.stderr);
    for part in
        ["dropped   seed", "POST ", "/a/v1/messages", r#""max_tokens":20"#, "anthropic-version: 2023-06-01"]
    {
        assert!(ended.stdout.contains(part), "{part} is not in:\n{}", ended.stdout);
    }
    assert!(!ended.stdout.contains(SECRETS[1]), "{}", ended.stdout);
    assert_eq!(upstream.log().accepted, 0, "no call was made");
}
