//! The commands' part, and configurations that are wrong in places where a secret stands.

use crate::{CALLERS, CUSTOM, OPENAI, PASSWORD, QUERY, launch, secrets};
use serde_json::json;
use wharf_testkit::process::{Ended, Wharf};
use wharf_testkit::secrets::assert_no_secret;
use wharf_testkit::upstream::{Reply, Upstream};

fn assert_clean(what: &str, ended: &Ended) {
    assert_no_secret(&format!("standard output of {what}"), &ended.stdout, &secrets());
    assert_no_secret(&format!("standard error of {what}"), &ended.stderr, &secrets());
}

#[test]
fn no_command_prints_a_secret() {
    for status in [200, 401, 500] {
        let upstream = Upstream::start(move |_| Reply::json(status, &json!({"data": [{"id": "m"}]})));
        let bearer = format!("Authorization: Bearer {}", CALLERS[0]);
        let api_key = format!("x-api-key: {}", CALLERS[1]);
        let query = format!("/openai/files?limit=2&key={}", CALLERS[0]);
        for args in [
            vec!["check"],
            vec!["models"],
            vec!["status"],
            vec!["explain", "GET", &query, "--header", &bearer],
            vec!["explain", "POST", "/v1/chat/completions", "--model", "openai/m", "--header", &api_key],
            vec!["explain", "POST", "/v1/chat/completions", "--model", "groq/m", "--header", &bearer],
            vec!["explain", "POST", "/v1/chat/completions", "--model", "my-llm/m"],
            vec!["explain", "POST", "/v1/messages", "--model", "anthropic/m"],
            vec!["explain", "POST", "/v1beta/models/gemini/m:generateContent"],
            vec!["explain", "POST", "/g/main/v1/chat/completions", "--model", "openai/m"],
            vec!["explain", "GET", "/g/main/anthropic/v1/models"],
            vec!["explain", "GET", "/mistral/v1/models", "--header", &bearer],
            vec!["explain", "GET", "/v1/models"],
            vec!["explain", "GET", "/status"],
        ] {
            // The command comes first, then the options that `launch` gave.
            let ended = launch(&upstream, "127.0.0.1:1").without_listen().before(&args).run();
            assert!(matches!(ended.status.code(), Some(0)), "{args:?}: {}", ended.stderr);
            assert!(!ended.stdout.is_empty(), "{args:?}");
            assert_clean(&format!("{args:?}"), &ended);
        }
    }
}

#[test]
fn no_problem_of_a_configuration_quotes_a_secret() {
    let [first, second, third] = OPENAI;
    for text in [
        format!(r#"{{"OPENAI_API_KEY": "{first}" oops}}"#),
        format!(r#"{{"OPENAI_API_KEY": "{first}"#),
        format!(r#"{{"OPENAI_API_KEY": {first}}}"#),
        format!(r#"{{"OPENAI_API_KEY": {{"{first}": 1}}}}"#),
        format!(r#"{{"OPENAI_API_KEY": ["{first}", 5, "{second}\n"]}}"#),
        format!(r#"{{"{first}": "OPENAI_API_KEY"}}"#),
        format!(r#"{{"providers": {{"{first}": {{}}}}}}"#),
        format!(r#"{{"providers": {{"openai": {{"keys": "{first}", "{second}": 1}}}}}}"#),
        format!(r#"{{"providers": {{"openai": {{"base_url": "https://user:{PASSWORD}@x.example/"}}}}}}"#),
        format!(r#"{{"providers": {{"openai": {{"base_url": "htps://x.example/?token={QUERY}"}}}}}}"#),
        format!(r#"{{"providers": {{"openai": {{"base_url": "{QUERY}"}}}}}}"#),
        format!(r#"{{"providers": {{"openai": {{"keys": "env:{third}"}}}}}}"#),
        format!(r#"{{"egress": [{{"via": "http://user:{PASSWORD}@proxy.example/path"}}]}}"#),
        format!(r#"{{"egress": [{{"via": "{PASSWORD}"}}]}}"#),
        format!(r#"{{"PROXY_API_KEY": "{}\u0007"}}"#, CALLERS[0]),
        format!(r#"{{"PROXY_API_KEY": "{0},{0}, ,", "AI_GATEWAY_NAME": "{CUSTOM} x"}}"#, CALLERS[0]),
        format!(r#"{{"CUSTOM_OPENAI_ENDPOINTS": "[{{\"name\":\"a\",\"apiKeys\":\"{CUSTOM}\"}}"}}"#),
        format!(r#"{{"CUSTOM_OPENAI_ENDPOINTS": [{{"name": "a", "baseUrl": "{CUSTOM}", "apiKeys": 5}}]}}"#),
        format!(r#"{{"aliases": {{"a": "{first}"}}, "routes": {{"r": {{"targets": ["{second}"]}}}}}}"#),
        format!(r#"{{"listen": "{first}", "cors": {{"origins": ["{second}"]}}}}"#),
        format!(r#"{{"WHARF_LOC": "{first}", "DEFAULT_MODEL": "{second}", "DEV": "{third}"}}"#),
    ] {
        for command in [&["check"][..], &[]] {
            let launch = Wharf::launch(env!("CARGO_BIN_EXE_wharf")).args(command).config(&text);
            let ended = launch.env("PROXY_API_KEYS", CALLERS[1]).run();
            assert_eq!(ended.status.code(), Some(3), "{text}");
            assert_clean(&text, &ended);
        }
    }
}

#[test]
fn no_problem_of_the_environment_quotes_a_secret() {
    for (name, value) in [
        ("PROXY_API_KEY", format!("[\"{}\", 5]", CALLERS[0])),
        ("PROXY_API_KEY", format!("{}\u{7}", CALLERS[0])),
        ("OPENAI_API_KEY", format!("{}\n{}", OPENAI[0], OPENAI[1])),
        ("OPENAI_BASE_URL", format!("https://user:{PASSWORD}@x.example")),
        ("OPENAI_BASE_URL", OPENAI[0].to_owned()),
        ("CLOUDFLARE_ACCOUNT_ID", format!("{CUSTOM}/../x")),
        ("AI_GATEWAY_ORIGIN", format!("{CUSTOM} x")),
        ("CUSTOM_OPENAI_ENDPOINTS", format!("[{{\"name\": \"{CUSTOM}")),
        ("CUSTOM_OPENAI_ENDPOINTS", format!("{{\"apiKeys\": \"{CUSTOM}\"}}")),
    ] {
        let ended = Wharf::launch(env!("CARGO_BIN_EXE_wharf")).env(name, &value).args(&["check"]).run();
        assert_eq!(ended.status.code(), Some(3), "{name}: {}", ended.stdout);
        assert_clean(name, &ended);
    }
}
