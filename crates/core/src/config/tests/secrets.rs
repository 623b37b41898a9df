//! No problem and no warning ever holds a credential, wherever one was pasted.

use super::*;
use proptest::prelude::*;

/// Files with a secret where it belongs or, mostly, where it does not; `§` is the secret.
const PLACES: &[&str] = &[
    r#"{ "PROXY_API_KEY": { "§": 1 } }"#,
    r#"{ "PROXY_API_KEY": ["§", 5, "§", ""] }"#,
    r#"{ "OPENAI_API_KEY": "§\u0001" }"#,
    r#"{ "OPENAI_API_KEY": ["env:§"] }"#,
    r#"{ "OPENAI_API_KEY": "env:§ x" }"#,
    r#"{ "OPENAI_API_KEY": "[§" }"#,
    r#"{ "CF_AIG_TOKEN": ["§"], "ADMIN_API_KEY": "§\u0007" }"#,
    r#"{ "§": "OPENAI_API_KEY" }"#,
    r#"{ "DEV": "§", "OPEN": "§", "DEFAULT_MODEL": "§", "WHARF_LOC": "§", "AI_GATEWAY_ORIGIN": "§" }"#,
    r#"{ "DEFAULT_MODEL": "§/x", "CLOUDFLARE_ACCOUNT_ID": "§/", "AI_GATEWAY_NAME": "§ " }"#,
    r#"{ "providers": { "openai": { "base_url": "§" } } }"#,
    r#"{ "providers": { "openai": { "base_url": "https://u:§@x" } } }"#,
    r#"{ "providers": { "openai": { "base_url": "https://x/?key=§#" } } }"#,
    r#"{ "providers": { "openai": { "format": "§", "http": "§", "timeouts": "§", "§": 1, "chat_path": "§ #" } } }"#,
    r#"{ "providers": { "§": { "keys": "x" } } }"#,
    r#"{ "providers": { "§": { "base_url": "https://x", "format": "§" } } }"#,
    r#"{ "aliases": { "a": "§" }, "routes": { "r": { "targets": ["§", "§/§"] }, "§": 1 } }"#,
    r#"{ "cors": { "origins": ["§"] }, "region": { "loc": "§", "colo": "§" }, "log": { "format": "§" } }"#,
    r#"{ "egress": [{ "via": "§" }, { "via": "http://§:§@p/x" }, { "via": "wnam", "when": { "provider": ["§"] } }] }"#,
    r#"{ "listen": "§", "state": 1, "limits": { "head_bytes": "§" }, "tls": { "§": "§" } }"#,
    r#"{ "CUSTOM_OPENAI_ENDPOINTS": "§" }"#,
    r#"{ "CUSTOM_OPENAI_ENDPOINTS": "[{\"name\":\"§/\",\"baseUrl\":\"§\",\"apiKeys\":{\"§\":1},\"§\":2}]" }"#,
    r#"{ "OPENAI_API_KEY": "§" "x" }"#,
    r#"{ "OPENAI_API_KEY": § }"#,
    r#"{ "OPENAI_API_KEY": "§"#,
    r#"§"#,
];

fn texts(file: &str, env: &[(&str, &str)]) -> Vec<String> {
    match attempt(file, env) {
        Ok(compiled) => lines(&compiled.warnings),
        Err(problems) => lines(&problems),
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(12))]

    #[test]
    fn secrets_never_show(secret in "(sk-[a-zA-Z0-9]{8,40}|[a-z]{4}[0-9]{4}[a-z0-9]{12,30}|AIza[A-Za-z0-9]{20})") {
        for place in PLACES {
            for line in texts(&place.replace('§', &secret), &[]) {
                prop_assert!(!line.contains(&secret), "{place}: {line}");
            }
        }
        let wrong = format!("[\"{secret}\", 5]");
        let broken = format!("{secret}\u{1},{secret},{secret}");
        for name in upper::names(builtins()) {
            for value in [&secret, &wrong, &broken] {
                for line in texts("", &[(&name.name, value)]) {
                    prop_assert!(!line.contains(&secret), "{}: {line}", name.name);
                }
            }
        }
    }

    #[test]
    fn no_text_makes_it_panic(text in "\\PC{0,80}", name in 0_usize..60) {
        let _ = attempt(&text, &[]);
        let names = upper::names(builtins());
        let name = &names[name % names.len()].name;
        let _ = attempt("", &[(name, &text)]);
        let quoted = serde_json::Value::from(text.as_str());
        let _ = attempt(&format!("{{\"{name}\": {quoted}, \"providers\": {{ {quoted}: {quoted} }}, \"listen\": {quoted} }}"), &[]);
        let _ = attempt(&format!("{{\"providers\": {{ \"x\": {{ \"base_url\": {quoted}, \"chat_path\": {quoted} }} }} }}"), &[]);
    }
}
