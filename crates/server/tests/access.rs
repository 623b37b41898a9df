//! Never open by accident: who may call without a key, and where that may be listened on.

use wharf_testkit::client::fetch;
use wharf_testkit::process::{Launch, Wharf};

fn launch() -> Launch {
    Wharf::launch(env!("CARGO_BIN_EXE_wharf"))
}

/// All that is said at the start.
fn banner(wharf: &Wharf) -> String {
    wharf.wait_for_stderr("the whole banner", |text| text.contains("  try  "))
}

#[test]
fn an_empty_or_odd_caller_key_is_never_no_key() {
    for value in [r#""""#, "[]", r#"[""]"#, r#"" , ""#, "null", "5", "true", "{}", r#"["a", 5]"#] {
        for name in ["PROXY_API_KEY", "ALLOWED_PROXY_KEYS"] {
            let ended = launch().config(&format!("{{\"{name}\": {value}}}")).run();
            assert_eq!(ended.status.code(), Some(3), "{name} = {value}");
            assert!(ended.stderr.contains(name), "{}", ended.stderr);
        }
    }
    for value in ["", "[]", "[\"\"]", " , "] {
        let ended = launch().env("PROXY_API_KEY", value).run();
        assert_eq!(ended.status.code(), Some(3), "{value:?}");
        assert!(ended.stderr.contains("environment: PROXY_API_KEY: "), "{}", ended.stderr);
    }
}

#[test]
fn in_the_environment_every_value_is_a_literal_key() {
    for key in ["12345", "true", "null", "{}", "a b"] {
        let wharf = launch().env("PROXY_API_KEY", key).start();
        let ping = |sent: &str| fetch(&wharf.base(), "GET", "/ping", &[("x-api-key", sent)], b"").status;
        assert_eq!((ping(key), ping("other")), (200, 401), "{key}");
        assert_eq!(fetch(&wharf.base(), "GET", "/ping", &[], b"").status, 401, "{key}");
    }
}

#[test]
fn without_a_caller_key_only_loopback_is_listened_on() {
    for address in ["0.0.0.0:0", "[::]:0"] {
        for (name, value) in
            [("DEV", "true"), ("OPENAI_API_KEY", "sk-1"), ("DEV", "1"), ("OPEN", "1"), ("OPEN", "TRUE")]
        {
            let ended = launch().env(name, value).without_listen().args(&["--listen", address]).run();
            assert_eq!(ended.status.code(), Some(3), "{address} with {name}={value}");
            assert!(ended.stderr.contains("PROXY_API_KEY"), "{}", ended.stderr);
        }
    }
    let in_file = r#"{"listen": "0.0.0.0:0"}"#;
    assert_eq!(launch().config(in_file).without_listen().run().status.code(), Some(3));
    assert_eq!(launch().args(&["check"]).config(in_file).run().status.code(), Some(3), "check says so too");
    for launch in [
        launch().args(&["--open"]),
        launch().env("OPEN", "true"),
        launch().env("PROXY_API_KEY", "caller-key-1"),
        launch().config(r#"{"OPEN": true}"#),
    ] {
        let wharf = launch.without_listen().args(&["--listen", "0.0.0.0:0"]).start();
        let port = wharf.address().port();
        let health =
            fetch(&format!("http://127.0.0.1:{port}"), "GET", "/health", &[("host", "wharf.example")], b"");
        assert_eq!(health.status, 200);
    }
}

#[test]
fn without_a_caller_key_the_start_says_so_and_names_it() {
    let said = banner(&launch().start());
    assert!(said.contains("PROXY_API_KEY") && said.contains("local"), "{said}");
    let said = banner(&launch().args(&["--open"]).start());
    assert!(said.contains("EVERYBODY"), "{said}");
}

#[test]
fn only_the_exact_value_true_turns_dev_on() {
    for (value, status) in [("true", 200), ("1", 401), ("TRUE", 401), ("yes", 401), ("", 401), ("false", 401)]
    {
        let wharf = launch().env("PROXY_API_KEY", "caller-key-1").env("DEV", value).start();
        let ping = |headers: &[(&str, &str)]| fetch(&wharf.base(), "GET", "/ping", headers, b"").status;
        assert_eq!(ping(&[]), status, "DEV={value}");
        assert_eq!(ping(&[("x-api-key", "caller-key-1")]), 200, "DEV={value}");
        if status == 200 {
            assert_eq!(ping(&[("host", "evil.example")]), 403);
            assert_eq!(ping(&[("origin", "https://evil.example")]), 403);
        }
    }
}
