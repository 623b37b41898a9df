use super::*;
use crate::host::{HttpVersion, Origin, Scheme, Timeouts};
use crate::provider::catalog::builtins;
use crate::secret::Secret;
use crate::store::Shard;
use crate::store::breaker::Settings;
use crate::table::{Access, Base, Cors, GatewaySettings, KeyPool, Limits, Place};
use std::collections::HashMap;
use std::sync::Arc;

fn base() -> Base {
    let origin = Origin { scheme: Scheme::Https, host: "h".into(), port: 443, public: false };
    Base { authority: origin.authority().into(), origin: Arc::new(origin), path: String::new(), query: None }
}

/// All built-ins, with these keys (`id`, keys); those without a base URL of their own stay unconfigured.
fn table(keys: &[(&str, &[&str])]) -> Table {
    let entries = builtins().iter().map(|provider| {
        let own = keys.iter().find(|(id, _)| *id == provider.id).map_or(&[][..], |(_, keys)| keys);
        Entry {
            base: provider.base_url.map(|_| base()),
            pool: KeyPool::new(
                Shard(String::new()),
                own.iter().map(|key| Secret::new(*key)).collect(),
                Vec::new(),
            ),
            provider: provider.clone(),
            custom: false,
            relay: false,
            timeouts: Timeouts::default(),
            retries: 0,
            version: HttpVersion::Auto,
            drop_params: Vec::new(),
            ask_usage: false,
            via_gateway: true,
            models: Vec::new(),
        }
    });
    Table {
        entries: entries.collect(),
        names: HashMap::new(),
        access: Access::Local,
        admin: None,
        aliases: HashMap::new(),
        routes: HashMap::new(),
        default_model: Some("openai/gpt-5".into()),
        round_robin: true,
        gateway: GatewaySettings {
            base: base(),
            account: Some("the-account".into()),
            name: Some("gw".into()),
            token: Some(Secret::new("the-token")),
            allow_direct: false,
        },
        cors: Cors::Any,
        egress: Vec::new(),
        place: Place::default(),
        limits: Limits { json_body: 1 },
        hold: Millis(1500),
        keepalive: None,
        breaker: Settings::default(),
        strict: false,
        fetch_images: false,
        dev: false,
    }
}

fn place(table: &Table, id: &str) -> usize {
    table.entries.iter().position(|entry| entry.provider.id == id).unwrap()
}

fn page(table: &Table, probes: &[Probe]) -> (String, Value) {
    let text = String::from_utf8(render(table, Some("gw"), probes)).unwrap();
    let value = serde_json::from_str(&text).unwrap();
    (text, value)
}

#[test]
fn the_status_of_a_probe_decides() {
    for (status, wanted) in [
        (200, KeyStatus::Valid),
        (204, KeyStatus::Valid),
        (401, KeyStatus::Invalid),
        (403, KeyStatus::Invalid),
        (400, KeyStatus::Unknown),
        (402, KeyStatus::Unknown),
        (404, KeyStatus::Unknown),
        (429, KeyStatus::Unknown),
        (500, KeyStatus::Unknown),
        (302, KeyStatus::Unknown),
    ] {
        assert_eq!(KeyStatus::of(status), wanted, "{status}");
    }
}

#[test]
fn keys_are_masked_and_no_secret_is_shown() {
    let table = table(&[("openai", &["sk-0123456789", "sk-abcdefghij"]), ("groq", &["gsk_secret"])]);
    let openai = place(&table, "openai");
    let probes = [
        Probe {
            entry: openai,
            key: 1,
            status: KeyStatus::Valid,
            cooldown_until: Some(Millis(1_795_294_303_123)),
        },
        Probe { entry: openai, key: 0, status: KeyStatus::Invalid, cooldown_until: None },
    ];
    let (text, value) = page(&table, &probes);
    assert_eq!(
        value["providers"]["openai"],
        json!({"available": true, "keys": [
            {"key": "**********789", "status": "invalid"},
            {"key": "**********hij", "status": "valid", "cooldown_until": "2026-11-21T20:51:43.123Z"},
        ]})
    );
    assert_eq!(value["providers"]["groq"]["keys"][0]["status"], "unknown", "no probe came back");
    assert_eq!(value["providers"]["mistral"], json!({"available": false, "keys": []}));
    assert_eq!(
        value["config"],
        json!({"DEV": false, "DEFAULT_MODEL": "openai/gpt-5", "AI_GATEWAY": {"name": "gw"}, "GLOBAL_ROUND_ROBIN": true})
    );
    for secret in ["the-token", "the-account", "sk-", "gsk_"] {
        assert!(!text.contains(secret), "{secret}");
    }
    assert!(text.starts_with("{\n  \"config\": {\n    \"DEV\": false,"), "{text}");
    let order: Vec<&String> = value["providers"].as_object().unwrap().keys().collect();
    assert_eq!(order[..3], ["workers-ai", "anthropic", "cerebras"]);
}

#[test]
fn nothing_of_a_gateway_is_shown_when_none_is_in_force() {
    let mut table = table(&[]);
    table.default_model = None;
    let value: Value = serde_json::from_slice(&render(&table, None, &[])).unwrap();
    assert_eq!(value["config"]["AI_GATEWAY"], json!({}));
    assert_eq!(value["config"]["DEFAULT_MODEL"], Value::Null);
}

#[test]
fn echo_shows_only_when_nothing_else_answers() {
    let alone = table(&[]);
    assert_eq!(page(&alone, &[]).1["providers"]["echo"], json!({"available": true, "keys": []}));
    assert_eq!(models::listed(&alone), [place(&alone, "echo")]);

    let served = table(&[("openai", &["k"]), ("groq", &["k"])]);
    assert_eq!(page(&served, &[]).1["providers"].get("echo"), None);
    assert_eq!(models::listed(&served), [place(&served, "groq"), place(&served, "openai")]);

    let mut keyless = table(&[]);
    let vllm = place(&keyless, "vllm");
    keyless.entries[vllm].base = Some(base());
    assert_eq!(models::listed(&keyless), [vllm]);
}

#[test]
fn only_keys_of_providers_with_a_list_are_probed() {
    let table = table(&[("openai", &["a", "b"]), ("replicate", &["c"]), ("azure-openai", &["d"])]);
    let openai = place(&table, "openai");
    // Replicate has no list, Azure no base URL here.
    assert_eq!(questions(&table), [(openai, 0), (openai, 1)]);
}
