//! Built-in and custom providers, their base URLs and paths.

use super::*;
use crate::provider::{Auth, ModelShape};
use wharf_wire::format::Format;

#[test]
fn built_ins_stand_in_catalogue_order_and_custom_ones_behind() {
    let file = r#"{ "providers": { "z": { "base_url": "https://z.example" }, "a": { "base_url": "https://a.example" } } }"#;
    let endpoints = r#"[{"name":"m","baseUrl":"https://m.example"}]"#;
    let compiled = good(file, &[("CUSTOM_OPENAI_ENDPOINTS", endpoints)]);
    let ids: Vec<&str> = compiled.table.entries.iter().map(|entry| entry.provider.id.as_ref()).collect();
    let mut expected: Vec<&str> = builtins().iter().map(|provider| provider.id.as_ref()).collect();
    expected.extend(["z", "a", "m"]);
    assert_eq!(ids, expected);
    for (index, entry) in compiled.table.entries.iter().enumerate() {
        assert_eq!(compiled.table.names.get(entry.provider.id.as_ref()), Some(&index));
    }
    assert_eq!(compiled.table.names["gemini"], compiled.table.names["google-ai-studio"]);
}

#[test]
fn every_catalogue_base_url_is_readable() {
    let compiled = good("", &[("CLOUDFLARE_ACCOUNT_ID", "acc")]);
    for (entry, provider) in compiled.table.entries.iter().zip(builtins()) {
        assert_eq!(entry.base.is_some(), provider.base_url.is_some(), "{}", provider.id);
        assert_eq!(entry.pool.shard.0, *provider.key_env.first().unwrap_or(&&*provider.id));
        assert!(entry.via_gateway && !entry.custom);
    }
}

#[test]
fn a_built_in_is_configured_by_any_of_its_names() {
    let compiled = good(
        r#"{ "providers": { "gemini": { "keys": "k", "base_url": "http://127.0.0.1:1/x/", "ai_gateway": false, "ask_usage": true,
             "drop_params": ["seed", "seed", "user"], "models": ["a", "a"], "http": 2, "models_path": "list" } } }"#,
        &[],
    );
    let entry = entry(&compiled, "google-ai-studio");
    assert_eq!(keys(&compiled, "google-ai-studio"), ["k"]);
    assert_eq!(base(&compiled, "google-ai-studio"), "http://127.0.0.1:1/x");
    assert!(!entry.via_gateway && entry.ask_usage && !entry.custom);
    assert_eq!((entry.drop_params.join(","), entry.models.join(",")), ("seed,user".into(), "a".into()));
    assert_eq!(entry.version, crate::host::HttpVersion::Http2);
    assert_eq!(entry.provider.paths.models.as_deref(), Some("/list"));
    let twice = r#"{ "providers": { "gemini": {}, "google-ai-studio": {} } }"#;
    assert_eq!(
        bad(twice, &[]),
        [
            "wharf.jsonc:1:52: providers.google-ai-studio: configures `google-ai-studio` a second time, under another name (keep one of them)"
        ]
    );
    assert_eq!(
        bad(r#"{ "providers": { "openai": { "format": "openai_chat" } } }"#, &[]),
        [
            "wharf.jsonc:1:40: providers.openai.format: is for custom providers only (leave it out: the format of a built-in is known)"
        ]
    );
}

#[test]
fn base_urls_come_from_every_spelling() {
    for name in ["PERPLEXITY_AI_BASE_URL", "PERPLEXITYAI_BASE_URL", "PERPLEXITY_BASE_URL"] {
        assert_eq!(base(&good("", &[(name, "http://h:1/p//")]), "perplexity-ai"), "http://h:1/p", "{name}");
    }
    assert!(entry(&good("", &[("VLLM_BASE_URL", "http://h/v1")]), "vllm").available());
    assert!(!entry(&good("", &[]), "vllm").available());
    assert_eq!(
        bad("", &[("OPENAI_BASE_URL", "localhost:1")]),
        [
            "environment: OPENAI_BASE_URL: must begin with http:// or https:// (for example https://llm.example.com/v1)"
        ]
    );
}

#[test]
fn the_account_is_needed_where_a_base_url_holds_it() {
    let compiled = good("", &[("CLOUDFLARE_API_KEY", "k")]);
    assert!(entry(&compiled, "workers-ai").base.is_none());
    assert_eq!(
        lines(&compiled.warnings),
        [
            "environment: CLOUDFLARE_API_KEY: has no effect: `workers-ai` has no base URL (set `CLOUDFLARE_ACCOUNT_ID`)"
        ]
    );
    let azure = good("", &[("AZURE_OPENAI_API_KEY", "k")]);
    assert!(azure.warnings[0].hint.contains("AZURE_OPENAI_BASE_URL"));
    let file = r#"{ "providers": { "mine": { "base_url": "https://x.example/{account}/y" } } }"#;
    assert_eq!(base(&good(file, &[("CLOUDFLARE_ACCOUNT_ID", "a1")]), "mine"), "https://x.example/a1/y");
    assert_eq!(
        bad(file, &[]),
        [
            "wharf.jsonc:1:40: providers.mine.base_url: holds `{account}`, and no account is known (set `CLOUDFLARE_ACCOUNT_ID`)"
        ]
    );
    assert_eq!(
        bad("", &[("CLOUDFLARE_ACCOUNT_ID", "a/b")]),
        ["environment: CLOUDFLARE_ACCOUNT_ID: may hold letters, digits, `-` and `_` only"]
    );
}

#[test]
fn a_custom_provider_follows_its_format() {
    for (format, auth, shape) in [
        (Format::OpenAiChat, Auth::Bearer, ModelShape::OpenAi),
        (Format::OpenAiResponses, Auth::Bearer, ModelShape::OpenAi),
        (Format::AnthropicMessages, Auth::Header("x-api-key"), ModelShape::Anthropic),
        (Format::GeminiGenerate, Auth::Header("x-goog-api-key"), ModelShape::Named),
        (Format::CohereChat, Auth::Bearer, ModelShape::Named),
        (Format::BedrockConverse, Auth::Bearer, ModelShape::None),
        (Format::OllamaChat, Auth::Bearer, ModelShape::Named),
    ] {
        let file = format!(
            r#"{{ "providers": {{ "mine": {{ "base_url": "https://x.example/v1?a=b", "format": "{format}" }} }} }}"#
        );
        let compiled = good(&file, &[]);
        let entry = entry(&compiled, "mine");
        assert_eq!((entry.provider.format, entry.provider.auth[0].how), (format, auth));
        assert_eq!(entry.provider.models.shape, shape);
        assert!(entry.available() && entry.custom && !entry.via_gateway && entry.pool.keys.is_empty());
        assert_eq!(entry.base.as_ref().and_then(|base| base.query.as_deref()), Some("a=b"));
        let headers = entry.provider.default_headers;
        assert_eq!(!headers.is_empty(), format == Format::AnthropicMessages);
    }
}

#[test]
fn names_of_custom_providers_are_checked() {
    for (name, message) in [
        ("", "may hold letters"),
        ("a b", "may hold letters"),
        ("a/b", "may hold letters"),
        ("ü", "may hold letters"),
        ("..", "cannot be a provider's name"),
        ("models", "one of this server's own paths"),
        ("g", "one of this server's own paths"),
    ] {
        let file =
            serde_json::json!({ "providers": { name: { "base_url": "https://x.example" } } }).to_string();
        let lines = bad(&file, &[]);
        assert!(lines.len() == 1 && lines[0].contains(message), "{name}: {lines:?}");
    }
    for name in ["a", "A.b_c~d+e-f", "constructor", "__proto__", "1"] {
        let file =
            serde_json::json!({ "providers": { name: { "base_url": "https://x.example" } } }).to_string();
        assert!(entry(&good(&file, &[]), name).custom);
    }
    assert_eq!(
        bad("{ \"providers\": { \"opnai\": { \"keys\": \"k\" } } }", &[]),
        [
            "wharf.jsonc:1:27: providers.opnai: is no built-in provider, and a custom one needs `base_url` (did you mean `openai`?)"
        ]
    );
    let twice = r#"{ "providers": { "e": { "base_url": "https://x.example" } } }"#;
    let lines = bad(twice, &[("CUSTOM_OPENAI_ENDPOINTS", r#"[{"name":"e","baseUrl":"https://e"}]"#)]);
    assert!(lines[0].contains("there is another provider of the name `e`"), "{lines:?}");
}

#[test]
fn paths_get_their_slash_and_no_way_up() {
    let file = |path: &str| {
        serde_json::json!({ "providers": { "e": { "base_url": "https://x.example/v1", "chat_path": path } } })
            .to_string()
    };
    let chat = |path: &str| {
        let compiled = good(&file(path), &[]);
        let chat = entry(&compiled, "e").provider.paths.chat.as_deref().map(str::to_owned);
        format!("{}{}", base(&compiled, "e"), chat.unwrap_or_default())
    };
    assert_eq!(chat("chat"), "https://x.example/v1/chat");
    assert_eq!(chat("/v1/chat"), "https://x.example/v1/chat");
    assert_eq!(chat("/v3/chat"), "https://x.example/v3/chat");
    let whole = r#"{ "providers": { "e": { "base_url": "https://x.example/v1/chat/completions" } } }"#;
    assert!(good(whole, &[]).warnings[0].message.contains("ends in the path of an endpoint"));
    for path in ["/a/../b", "/a b", "/a#b", "/%2e%2e/b"] {
        assert_eq!(problems(&file(path), &[]).len(), 1, "{path}");
    }
}
