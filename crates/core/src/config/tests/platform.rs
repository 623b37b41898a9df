//! What a Worker refuses that a server takes.

use super::*;

fn on_worker(file: &str, env: &[(&str, &str)]) -> Vec<String> {
    match attempt_on(Platform::Worker, file, env) {
        Ok(_) => Vec::new(),
        Err(problems) => lines(&problems),
    }
}

#[test]
fn a_worker_is_never_open_by_accident() {
    let closed = on_worker("", &[]);
    assert!(closed.len() == 1 && closed[0].contains("PROXY_API_KEY"), "{closed:?}");
    for name in ["DEV", "OPEN"] {
        assert!(on_worker("", &[(name, "true")]).is_empty(), "{name}");
        assert!(!on_worker("", &[(name, "1")]).is_empty(), "{name}");
    }
    assert!(on_worker("", &[("PROXY_API_KEY", "team-a")]).is_empty());
}

#[test]
fn credentials_in_its_file_are_references() {
    const OPEN: (&str, &str) = ("OPEN", "true");
    let file =
        |keys: &str| format!(r#"{{"providers":{{"x":{{"base_url":"https://x.example","keys":{keys}}}}}}}"#);
    for keys in [
        r#""sk-written-out""#,
        r#"["env:X_KEY","sk-written-out"]"#,
        r#"["env:X_KEY",{"key":"sk-written-out"}]"#,
    ] {
        let found = on_worker(&file(keys), &[OPEN, ("X_KEY", "sk-1")]);
        assert!(found.len() == 1 && found[0].contains("env:NAME"), "{found:?}");
        assert!(!found[0].contains("sk-written-out"), "{found:?}");
        assert!(attempt(&file(keys), &[OPEN, ("X_KEY", "sk-1")]).is_ok());
    }
    assert!(on_worker(&file(r#"["env:X_KEY"]"#), &[OPEN, ("X_KEY", "sk-1")]).is_empty());
    let endpoints = r#"[{"name":"x","baseUrl":"https://x.example","apiKeys":"sk-1"}]"#;
    assert!(on_worker("", &[OPEN, ("CUSTOM_OPENAI_ENDPOINTS", endpoints)]).is_empty());
}

#[test]
fn it_has_no_outbound_proxy_and_smaller_bodies() {
    let env = [("OPEN", "true")];
    let found = on_worker(r#"{"egress":[{"via":"http://proxy.example:3128"}]}"#, &env);
    assert!(found.len() == 1 && found[0].contains("proxy"), "{found:?}");
    for (file, bytes) in [
        ("", 20 << 20),
        (r#"{"limits":{"json_body_bytes":33554432}}"#, 20 << 20),
        (r#"{"limits":{"json_body_bytes":4096}}"#, 4096),
    ] {
        let compiled = attempt_on(Platform::Worker, file, &env).ok().unwrap();
        assert_eq!(compiled.table.limits.json_body, bytes, "{file}");
    }
}
