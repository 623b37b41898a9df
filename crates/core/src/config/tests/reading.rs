//! Syntax, types and unknown members, each with its exact place.

use super::*;
use crate::secret::Secret;

#[test]
fn the_documented_example_is_read_in_full() {
    let compiled = good(EXAMPLE, &[("MY_LLM_KEY", "k1, k2")]);
    let table = &compiled.table;
    assert!(compiled.warnings.is_empty(), "{:?}", compiled.warnings);
    assert!(matches!(&table.access, crate::table::Access::Keys(callers)
        if callers.iter().map(|c| &*c.label).collect::<Vec<&str>>() == ["key-1", "key-2"]));
    assert_eq!(keys(&compiled, "openai"), ["sk-1", "sk-2"]);
    assert_eq!(base(&compiled, "openai"), "http://127.0.0.1:9100/v1");
    let timeouts = entry(&compiled, "openai").timeouts;
    assert_eq!((timeouts.connect.0, timeouts.first_byte.0, timeouts.idle.0), (2000, 30_000, 60_000));
    assert_eq!(keys(&compiled, "my-llm"), ["k1", "k2"]);
    assert_eq!(entry(&compiled, "my-llm").models, ["m1"]);
    assert_eq!(table.aliases["fast"], "groq/llama-3.3-70b");
    assert_eq!(table.routes["smart"].targets, ["anthropic/claude-sonnet-4-5", "openai/gpt-5"]);
    assert_eq!((table.place.loc.as_deref(), table.place.colo.as_deref()), (Some("HK"), Some("HKG")));
    assert!(matches!(&table.cors, crate::table::Cors::Origins(list) if list == &["https://app.example"]));
    assert_eq!(table.egress.len(), 1);
    assert_eq!(table.entries.len(), builtins().len() + 1);
    assert_eq!(table.entries.last().map(|entry| entry.provider.id.as_ref()), Some("my-llm"));
}

#[test]
fn nothing_at_all_is_a_configuration() {
    for file in ["", "  // only a comment\n", "{}"] {
        let compiled = good(file, &[]);
        assert!(matches!(compiled.table.access, crate::table::Access::Local));
        assert_eq!(compiled.table.limits.json_body, 32 * 1024 * 1024);
        assert_eq!(compiled.host.head_bytes, 64 * 1024);
        assert_eq!(compiled.host.drain.0, 30_000);
        assert!(compiled.host.listen.is_none() && compiled.host.state.is_none());
        assert_eq!(compiled.table.entries.len(), builtins().len());
    }
}

#[test]
fn a_file_that_is_no_object_is_one_problem() {
    assert_eq!(bad("[]", &[]), ["wharf.jsonc:1:1: must be an object, not an array"]);
    assert_eq!(bad(" 1", &[]).len(), 1);
    let lines = bad("{\n  \"cors\": {,}\n}", &[]);
    assert_eq!(lines.len(), 1);
    assert!(lines[0].starts_with("wharf.jsonc:2:12: not valid JSON: "), "{lines:?}");
}

/// `▲` marks the place of the problem: the file without the mark, and the place as it is shown.
fn marked(file: &str) -> (String, String) {
    let (before, _) = file.split_once('▲').expect("a mark");
    let line = before.matches('\n').count() + 1;
    let column = before.rsplit('\n').next().unwrap_or_default().chars().count() + 1;
    (file.replace('▲', ""), format!("wharf.jsonc:{line}:{column}"))
}

/// Files with one problem each, marked, and what is said of it.
const WRONG: &[(&str, &str)] = &[
    ("{ ▲\"provders\": {} }", "provders: unknown member `provders` (did you mean `providers`?)"),
    ("{\r\n\t▲\"OPENAI_KEY\": \"x\" }", "OPENAI_KEY: unknown member `OPENAI_KEY`"),
    (
        "{ \"$schema\": \"üx\", ▲\"OPENAI_API_KEYS\": \"x\" }",
        "OPENAI_API_KEYS: unknown member `OPENAI_API_KEYS` (did you mean `OPENAI_API_KEY`?)",
    ),
    (
        "{\n  \"providers\": {\n    \"openai\": { \"timeouts\": { ▲\"conect_ms\": 1 } } } }",
        "providers.openai.timeouts.conect_ms: unknown member `conect_ms` (did you mean `connect_ms`?)",
    ),
    (
        "{\n  \"providers\": {\n    \"openai\": { \"timeouts\": { \"connect_ms\": ▲\"1\" } } } }",
        "providers.openai.timeouts.connect_ms: must be a whole number, not a string",
    ),
    (
        "{ \"providers\": { \"openai\": { \"timeouts\": { \"idle_ms\": ▲0 } } } }",
        "providers.openai.timeouts.idle_ms: must be a whole number from 1 to 86400000",
    ),
    (
        "{ \"providers\": { \"openai\": { \"timeouts\": { \"idle_ms\": ▲1.5 } } } }",
        "providers.openai.timeouts.idle_ms: must be a whole number from 1 to 86400000",
    ),
    ("{ \"providers\": ▲[] }", "providers: must be an object, not an array"),
    ("{ \"providers\": { \"openai\": ▲null } }", "providers.openai: must be an object, not null"),
    (
        "{ \"providers\": { \"openai\": { \"relay\": ▲\"yes\" } } }",
        "providers.openai.relay: must be true or false, not a string",
    ),
    (
        "{ \"providers\": { \"openai\": { \"models\": [\"a\", ▲1] } } }",
        "providers.openai.models[1]: must be a string, not a number",
    ),
    (
        "{ \"providers\": { \"x\": { \"base_url\": \"https://x\", \"format\": ▲\"openai\" } } }",
        "providers.x.format: must be one of openai_chat, openai_responses, anthropic_messages, gemini_generate, cohere_chat, bedrock_converse, ollama_chat",
    ),
    (
        "{ \"providers\": { \"openai\": { \"http\": ▲3 } } }",
        "providers.openai.http: must be one of auto, 1, 2",
    ),
    ("{ \"cors\": {}, ▲\"cors\": {} }", "cors: is given twice (keep one of them)"),
    ("{ \"routes\": { \"r\": ▲{} } }", "routes.r.targets: is missing (it is required here)"),
    ("{ \"egress\": [ ▲{} ] }", "egress[0].via: is missing (it is required here)"),
    ("{ \"tls\": ▲{ \"cert\": \"a\" } }", "tls.key: is missing (it is required here)"),
    ("{ \"ca_file\": ▲\"\" }", "ca_file: must not be empty (leave the member out instead)"),
    (
        "{ \"log\": { \"format\": ▲\"jsn\" } }",
        "log.format: must be one of json, pretty (did you mean `json`?)",
    ),
    (
        "{ \"limits\": { \"json_body_bytes\": ▲1 } }",
        "limits.json_body_bytes: must be a whole number from 1024 to 1073741824",
    ),
    (
        "{ \"listen\": ▲\"8787\" }",
        "listen: must be an address and a port, such as 127.0.0.1:8787 or [::]:8787",
    ),
    ("{ \"DEV\": ▲1 }", "DEV: must be true or false"),
    ("{ \"DEV\": ▲\"True\" }", "DEV: must be true or false"),
    ("{ \"DEFAULT_MODEL\": ▲7 }", "DEFAULT_MODEL: must be a string, not a number"),
    ("{ \"CF_AIG_TOKEN\": ▲true }", "CF_AIG_TOKEN: must be a string, not a boolean"),
    (
        "{ \"OPENAI_API_KEY\": ▲12345 }",
        "OPENAI_API_KEY: must be a string or an array of strings, not a number",
    ),
    (
        "{ \"OPENAI_API_KEY\": ▲true }",
        "OPENAI_API_KEY: must be a string or an array of strings, not a boolean",
    ),
    ("{ \"OPENAI_API_KEY\": ▲{} }", "OPENAI_API_KEY: must be a string or an array of strings, not an object"),
    ("{ \"OPENAI_API_KEY\": [\"a\",\n▲5] }", "OPENAI_API_KEY[1]: must be a string, not a number"),
    ("{ \"OPENAI_API_KEY\": [▲null] }", "OPENAI_API_KEY[0]: must be a string, not null"),
    (
        "{ \"OPENAI_API_KEY\": [\"a\", ▲\"env:C\"] }",
        "OPENAI_API_KEY[1]: the environment variable `C` is not set, or empty (set `C`)",
    ),
    (
        "{ \"OPENAI_API_KEY\": ▲\"env:a b\" }",
        "OPENAI_API_KEY: `env:` needs the name of an environment variable (write `env:NAME`)",
    ),
];

#[test]
fn every_wrong_member_is_named_with_its_place() {
    for (file, expected) in WRONG {
        let (file, place) = marked(file);
        assert_eq!(bad(&file, &[]), [format!("{place}: {expected}")], "{file}");
    }
}

#[test]
fn all_problems_come_at_once_in_the_order_of_the_file() {
    let file = r#"{
  "OPENAI_API_KEY": 12345,
  "colour": "red",
  "providers": {
    "openai": { "base_url": "ftp://x", "timeouts": { "connect_ms": -1 } },
    "health": { "base_url": "https://x.example" },
  },
  "aliases": { "fast": "nobody/llama" },
  "egress": [ { "via": "mars" }, { "via": "wnam", "when": { "loc": ["HKG"] } } ],
}"#;
    let lines = bad(file, &[("PROXY_API_KEY", "[]"), ("AI_GATEWAY_ORIGIN", "gateway")]);
    let places: Vec<&str> =
        lines.iter().map(|line| line.split(": ").take(2).last().unwrap_or_default()).collect();
    assert_eq!(
        places,
        [
            "OPENAI_API_KEY",
            "colour",
            "providers.openai.base_url",
            "providers.openai.timeouts.connect_ms",
            "providers.health",
            "aliases.fast",
            "egress[0].via",
            "egress[1].when.loc[0]",
            "PROXY_API_KEY",
            "AI_GATEWAY_ORIGIN",
        ],
        "{lines:#?}"
    );
    assert!(lines[8].starts_with("environment: PROXY_API_KEY: "));
}

#[test]
fn host_settings_are_kept_apart() {
    let compiled = good(
        r#"{ "listen": "localhost:9000", "state": "memory", "state_timeout_ms": 100, "drain_ms": 5,
             "log": { "format": "json", "access": "-" }, "tls": { "cert": "c.pem", "key": "k.pem" }, "ca_file": "ca.pem",
             "limits": { "json_body_bytes": 4096, "head_bytes": 8192, "connections": 10 } }"#,
        &[],
    );
    let host = &compiled.host;
    assert_eq!(host.listen, "127.0.0.1:9000".parse().ok());
    assert!(host.state == Some(State::Memory));
    assert_eq!((host.state_timeout.0, host.drain.0), (100, 5));
    assert_eq!((host.log_format, host.access_log.clone()), (Some(LogFormat::Json), Some(AccessLog::Stdout)));
    assert_eq!(host.tls, Some(TlsFiles { cert: "c.pem".into(), key: "k.pem".into() }));
    assert_eq!(
        (host.ca_file.as_deref(), host.head_bytes, host.connections),
        (Some("ca.pem"), 8192, Some(10))
    );
    assert_eq!(compiled.table.limits.json_body, 4096);
    let named = good(r#"{ "state": "env:STATE" }"#, &[("STATE", "redis://:p@h")]);
    assert!(named.host.state == Some(State::Redis(Secret::new("redis://:p@h"))));
    assert!(State::parse("rediss://u:p@h/0") != State::File("rediss://u:p@h/0".into()));
    assert!(State::parse("valkeys://h") == State::Redis(Secret::new("valkeys://h")));
    assert!(State::parse("./wharf.db") == State::File("./wharf.db".into()));
}
