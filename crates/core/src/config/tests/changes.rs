//! What is said of two configurations: every difference, and no value.

use super::*;
use crate::changes::between;

fn said(before: &str, after: &str) -> Vec<String> {
    let env = [("MY_LLM_KEY", "sk-from-the-environment")];
    between(&good(before, &env).table, &good(after, &env).table)
}

#[test]
fn the_same_file_is_no_change() {
    for text in [EXAMPLE, "{}"] {
        assert_eq!(said(text, text), [""; 0]);
    }
    assert_eq!(said("{}", "// a comment\n{}"), [""; 0]);
}

#[test]
fn every_difference_is_named() {
    let endpoint = r#"{"providers": {"mine": {"format": "openai_chat", "base_url": "http://h/v1"}}}"#;
    let cases = [
        ("{}", r#"{"OPENAI_API_KEY": "sk-1"}"#, "provider openai added, 1 key"),
        (r#"{"OPENAI_API_KEY": "sk-1"}"#, "{}", "provider openai removed"),
        (
            r#"{"OPENAI_API_KEY": "sk-1"}"#,
            r#"{"OPENAI_API_KEY": ["sk-1", "sk-2"]}"#,
            "provider openai changed, 2 keys, were 1",
        ),
        (r#"{"OPENAI_API_KEY": "sk-1"}"#, r#"{"OPENAI_API_KEY": "sk-2"}"#, "provider openai changed, 1 key"),
        ("{}", endpoint, "provider mine added, 0 keys"),
        (endpoint, "{}", "provider mine removed"),
        ("{}", r#"{"providers": {"openai": {"timeouts": {"idle_ms": 5}}}}"#, "provider openai changed"),
        ("{}", r#"{"aliases": {"a": "openai/b"}}"#, "alias a added"),
        ("{}", r#"{"routes": {"r": {"targets": ["openai/b"]}}}"#, "route r added"),
        (
            r#"{"routes": {"r": {"targets": ["openai/b"]}}}"#,
            r#"{"routes": {"r": {"targets": ["openai/c"]}}}"#,
            "route r changed",
        ),
        ("{}", r#"{"PROXY_API_KEY": "one"}"#, "callers: holders of 1 key, were local ones only"),
        (
            r#"{"PROXY_API_KEY": "one"}"#,
            r#"{"PROXY_API_KEY": "two"}"#,
            "callers: holders of 1 key, were holders of 1 key",
        ),
        ("{}", r#"{"ADMIN_API_KEY": "one"}"#, "ADMIN_API_KEY changed"),
        ("{}", r#"{"ENABLE_GLOBAL_ROUND_ROBIN": true}"#, "ENABLE_GLOBAL_ROUND_ROBIN changed"),
        ("{}", r#"{"CLOUDFLARE_ACCOUNT_ID": "a", "AI_GATEWAY_NAME": "g"}"#, "AI Gateway changed"),
        ("{}", r#"{"cors": {"origins": ["https://a"]}}"#, "cors changed"),
        ("{}", r#"{"region": {"loc": "HK"}}"#, "region changed"),
        ("{}", r#"{"limits": {"json_body_bytes": 9000}}"#, "limits changed"),
        ("{}", r#"{"strict": true}"#, "strict changed"),
        ("{}", r#"{"fetch_images": true}"#, "fetch_images changed"),
        ("{}", r#"{"DEV": true}"#, "DEV changed"),
    ];
    for (before, after, line) in cases {
        let lines = said(before, after);
        assert!(lines.contains(&line.to_owned()), "{line}: {lines:?}");
    }
}

#[test]
fn no_value_is_said() {
    let lines = said("{}", &EXAMPLE.replace("sk-", "sk-secret-").replace("team-", "team-secret-"));
    assert!(lines.len() > 5, "{lines:?}");
    let text = lines.join("\n");
    for value in ["secret", "9100", "example.com", "claude"] {
        assert!(!text.contains(value), "{text}");
    }
}
