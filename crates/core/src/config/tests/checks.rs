//! What is checked once everything is read: targets, gateway, ways out, browsers, our own listener.

use super::*;
use crate::host::Egress;
use crate::table::Cors;

#[test]
fn targets_lead_to_a_provider() {
    let file = r#"{
  "aliases": {
    "a": "opnai/gpt-5",
    "b": "gpt-5",
    "c": "openai/",
    "d": "gemini/models/x",
    "": "openai/x"
  },
  "routes": {
    "a": { "targets": ["openai/x"] },
    "e": { "targets": [] },
    "f": { "targets": ["openai/x", "mine/y", "nobody/z"] }
  },
  "providers": { "mine": { "base_url": 7 } }
}"#;
    assert_eq!(
        bad(file, &[]),
        [
            "wharf.jsonc:3:10: aliases.a: unknown provider `opnai` (did you mean `openai`?)",
            "wharf.jsonc:4:10: aliases.b: must be `provider/model` (for example openai/gpt-5)",
            "wharf.jsonc:5:10: aliases.c: must be `provider/model` (for example openai/gpt-5)",
            "wharf.jsonc:7:9: aliases.: a model's name must not be empty or hold control characters",
            "wharf.jsonc:10:10: routes.a: is an alias as well (keep one of them)",
            "wharf.jsonc:11:23: routes.e.targets: holds no target (for example [\"openai/gpt-5\"])",
            "wharf.jsonc:12:46: routes.f.targets[2]: unknown provider `nobody`",
            "wharf.jsonc:14:40: providers.mine.base_url: must be a string, not a number",
        ]
    );
}

#[test]
fn the_default_model_leads_somewhere() {
    let file = r#"{ "aliases": { "fast": "groq/x" }, "routes": { "r": { "targets": ["openai/x"] } },
                    "providers": { "mine": { "base_url": "https://x.example", "models": ["m1"] } } }"#;
    for model in ["openai/gpt-5", "mine/m1", "fast", "r", "m1", "claude-x", "o3", "workers-ai/@cf/meta/llama"]
    {
        assert_eq!(good(file, &[("DEFAULT_MODEL", model)]).table.default_model.as_deref(), Some(model));
    }
    assert_eq!(good(file, &[("DEFAULT_MODEL", "")]).table.default_model, None);
    for model in ["nobody/x", "default", "ox", "/x", "openai/"] {
        assert_eq!(problems(file, &[("DEFAULT_MODEL", model)]).len(), 1, "{model}");
    }
}

#[test]
fn the_gateway_is_checked() {
    let env = [("CLOUDFLARE_ACCOUNT_ID", "acc"), ("AI_GATEWAY_NAME", "gw_1-x"), ("CF_AIG_TOKEN", "tok")];
    let gateway = good("{ \"ai_gateway\": { \"allow_direct\": true } }", &env).table.gateway;
    assert_eq!((gateway.account.as_deref(), gateway.name.as_deref()), (Some("acc"), Some("gw_1-x")));
    assert_eq!((&*gateway.base.authority, gateway.base.path.as_str()), ("gateway.ai.cloudflare.com", "/v1"));
    assert!(gateway.allow_direct && gateway.token.is_some());
    for name in ["a b", "a/b", &"x".repeat(65)] {
        assert_eq!(
            bad("", &[("CLOUDFLARE_ACCOUNT_ID", "acc"), ("AI_GATEWAY_NAME", name)]),
            ["environment: AI_GATEWAY_NAME: may hold letters, digits, `-` and `_` only, 64 at most"]
        );
    }
    let alone = good("", &[("AI_GATEWAY_NAME", "gw")]);
    assert!(alone.warnings[0].message.contains("has no effect without `CLOUDFLARE_ACCOUNT_ID`"));
    assert_eq!(problems("{ \"ai_gateway\": { \"origin\": \"x\" } }", &[("AI_GATEWAY_NAME", "a b")]).len(), 2);
}

#[test]
fn ways_out() {
    let rules = |egress: &str| good(&format!("{{ \"egress\": {egress} }}"), &[]).table.egress;
    let rule = &rules(
        r#"[{ "when": { "loc": "hk", "colo": ["hkg"], "provider": ["gemini"] }, "via": "apac", "else": "fail" }]"#,
    )[0];
    assert_eq!((rule.loc.join(","), rule.colo.join(",")), ("HK".into(), "HKG".into()));
    assert_eq!((rule.provider.join(","), rule.or_direct), ("google-ai-studio".into(), false));
    assert_eq!(rule.via, Egress::Hint("apac".into()));
    assert!(rules("[]").is_empty());
    assert_eq!(rules(r#"[{ "via": "direct", "when": {} }]"#)[0].via, Egress::Direct);
    let proxy = &rules(r#"[{ "via": "http://user:pass@proxy.example" }]"#)[0];
    let Egress::Proxy(inner) = &proxy.via else { panic!("a proxy") };
    assert_eq!((inner.origin.port, proxy.or_direct), (80, false));
    assert_eq!(inner.authorization.as_ref().map(crate::secret::Secret::expose), Some("Basic dXNlcjpwYXNz"));
    for (egress, message) in [
        (r#"[{ "via": "mars" }]"#, "egress[0].via: must be `direct`, a region hint, or a proxy's URL"),
        (r#"[{ "via": "socks5://p" }]"#, "egress[0].via: must begin with http"),
        (r#"[{ "via": "http://p/x" }]"#, "egress[0].via: a proxy's URL ends after host and port"),
        (r#"[{ "via": "wnam", "else": "maybe" }]"#, "egress[0].else: must be one of direct, fail"),
        (r#"[{ "via": "wnam", "when": { "loc": "HKG" } }]"#, "egress[0].when.loc: must be two letters"),
        (
            r#"[{ "via": "wnam", "when": { "colo": ["x"] } }]"#,
            "egress[0].when.colo[0]: must be three letters",
        ),
        (r#"[{ "via": "wnam", "when": { "loc": [] } }]"#, "egress[0].when.loc: must not be empty"),
        (
            r#"[{ "via": "wnam", "when": { "provider": ["nobody"] } }]"#,
            "egress[0].when.provider[0]: unknown provider `nobody`",
        ),
    ] {
        let lines = bad(&format!("{{ \"egress\": {egress} }}"), &[]);
        assert!(lines.len() == 1 && lines[0].contains(message), "{egress}: {lines:?}");
    }
}

#[test]
fn browsers() {
    let cors = |origins: &str| good(&format!("{{ \"cors\": {{ \"origins\": {origins} }} }}"), &[]).table.cors;
    assert!(matches!(good("{ \"cors\": {} }", &[]).table.cors, Cors::Any));
    assert!(matches!(cors("[\"https://a.example\", \"*\"]"), Cors::Any));
    let Cors::Origins(list) = cors(r#"["HTTPS://App.Example:8443", "null", "chrome-extension://abc"]"#)
    else {
        panic!("a list")
    };
    assert_eq!(list, ["https://app.example:8443", "null", "chrome-extension://abc"]);
    assert!(matches!(cors("[]"), Cors::Origins(list) if list.is_empty()));
    for origin in ["https://a.example/", "a.example", "https://*.example", "https://u@x"] {
        let lines = bad(&format!("{{ \"cors\": {{ \"origins\": [\"{origin}\"] }} }}"), &[]);
        assert_eq!(lines.len(), 1, "{origin}: {lines:?}");
    }
}

#[test]
fn a_base_url_that_is_our_own_listener_is_a_problem() {
    let problems = |url: &str, listen: &str| {
        let compiled = good("", &[("OPENAI_BASE_URL", url)]);
        lines(&own_listener_problems(&compiled, listen.parse().expect("an address")))
    };
    for (url, listen) in [
        ("http://127.0.0.1:8787/v1", "127.0.0.1:8787"),
        ("http://localhost:8787", "127.0.0.1:8787"),
        ("http://localhost:8787", "[::1]:8787"),
        ("https://[::1]:8787", "[::1]:8787"),
        ("http://127.0.0.1:8787", "0.0.0.0:8787"),
        ("http://[::1]:8787", "[::]:8787"),
        ("http://0.0.0.0:8787", "127.0.0.1:8787"),
        ("http://[::ffff:127.0.0.1]:8787", "127.0.0.1:8787"),
        ("http://192.168.1.5:80", "192.168.1.5:80"),
    ] {
        let found = problems(url, listen);
        assert_eq!(found.len(), 1, "{url} {listen}");
        assert!(found[0].starts_with("environment: OPENAI_BASE_URL: points at this server's own listener"));
    }
    for (url, listen) in [
        ("http://127.0.0.1:8788", "127.0.0.1:8787"),
        ("http://127.0.0.2:8787", "127.0.0.1:8787"),
        ("http://192.168.1.6:8787", "192.168.1.5:8787"),
        ("http://llm.example:8787", "0.0.0.0:8787"),
    ] {
        assert!(problems(url, listen).is_empty(), "{url} {listen}");
    }
    let file = "{ \"providers\": {\n \"mine\": { \"base_url\": \"http://localhost:8787\" } } }";
    let found = own_listener_problems(&good(file, &[]), "127.0.0.1:8787".parse().expect("an address"));
    assert!(found[0].to_string().starts_with("wharf.jsonc:2:24: providers.mine.base_url: "), "{found:?}");
}
