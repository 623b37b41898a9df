//! The upper-case names: file and environment, keys in all their forms, callers, the predecessors' files.

use super::*;
use crate::secret::digest;
use crate::table::Access;

fn callers(compiled: &Compiled) -> Vec<[u8; 32]> {
    match &compiled.table.access {
        Access::Keys(callers) => callers.iter().map(|caller| caller.digest).collect(),
        Access::Local | Access::Open => panic!("callers should need a key"),
    }
}

/// The first predecessor's example file: every name it knows, an array of custom endpoints.
const FIRST: &str = r#"{
  "$schema": "./schemas/config-schema.json",
  // a comment
  "PROXY_API_KEY": "my-proxy-key",
  "CLOUDFLARE_ACCOUNT_ID": "0123abc",
  "AI_GATEWAY_NAME": null,
  "CF_AIG_TOKEN": null,
  "OPENAI_API_KEY": ["sk-a", "sk-b"], /* two */
  "GEMINI_API_KEY": "g-1, g-2",
  "ANTHROPIC_API_KEY": null, "CEREBRAS_API_KEY": null, "COHERE_API_KEY": null, "DEEPSEEK_API_KEY": null,
  "GROK_API_KEY": null, "GROQ_API_KEY": null, "MISTRAL_API_KEY": null, "OPENROUTER_API_KEY": null,
  "HUGGINGFACE_API_KEY": null, "PERPLEXITYAI_API_KEY": null, "REPLICATE_API_KEY": null,
  "CLOUDFLARE_API_KEY": "cf", "OLLAMA_API_KEY": null,
  "CUSTOM_OPENAI_ENDPOINTS": [
    { "name": "local", "baseUrl": "http://localhost:1234/v1/", "apiKeys": ["a,b", "c"], "models": ["m/1", "m2"],
      "chatCompletionPath": "/chat", "modelsPath": "/list" },
    { "name": "other", "baseUrl": "https://other.example", "apiKeys": "x, y", "models": null },
  ],
  "DEV": null,
  "DEFAULT_MODEL": "openai/gpt-5",
  "ENABLE_GLOBAL_ROUND_ROBIN": true,
}"#;

#[test]
fn the_first_predecessors_file_works_as_it_is() {
    let compiled = good(FIRST, &[]);
    assert_eq!(callers(&compiled), [digest(b"my-proxy-key")]);
    assert_eq!(keys(&compiled, "openai"), ["sk-a", "sk-b"]);
    assert_eq!(keys(&compiled, "gemini"), ["g-1", "g-2"]);
    assert_eq!(entry(&compiled, "google-ai-studio").pool.shard.0, "GEMINI_API_KEY");
    assert!(!entry(&compiled, "anthropic").available());
    assert_eq!(base(&compiled, "workers-ai"), "https://api.cloudflare.com/client/v4/accounts/0123abc/ai");
    assert!(compiled.table.round_robin && !compiled.table.dev);
    assert_eq!(compiled.table.default_model.as_deref(), Some("openai/gpt-5"));
    let local = entry(&compiled, "local");
    assert_eq!(keys(&compiled, "local"), ["a,b", "c"]);
    assert_eq!((local.custom, local.pool.shard.0.as_str(), local.models.len()), (true, "local", 2));
    assert_eq!(base(&compiled, "local"), "http://localhost:1234/v1");
    assert_eq!(local.provider.paths.chat.as_deref(), Some("/chat"));
    assert_eq!(local.provider.paths.models.as_deref(), Some("/list"));
    assert_eq!(keys(&compiled, "other"), ["x", "y"]);
    assert!(entry(&compiled, "other").available() && entry(&compiled, "other").models.is_empty());
}

#[test]
fn custom_endpoints_may_be_json_text() {
    let text = r#"[{"name":"e","baseUrl":"https://e.example/v1","apiKeys":"k"}]"#;
    assert_eq!(keys(&good("", &[("CUSTOM_OPENAI_ENDPOINTS", text)]), "e"), ["k"]);
    let file = serde_json::json!({ "CUSTOM_OPENAI_ENDPOINTS": text }).to_string();
    assert_eq!(keys(&good(&file, &[]), "e"), ["k"]);
    for unset in ["", "null", "[]"] {
        assert_eq!(good("", &[("CUSTOM_OPENAI_ENDPOINTS", unset)]).table.entries.len(), builtins().len());
    }
    for (text, expected) in [
        ("{}", "CUSTOM_OPENAI_ENDPOINTS: must be an array, not an object"),
        (
            "nonsense",
            "CUSTOM_OPENAI_ENDPOINTS: not valid JSON: unexpected word (strings stand in double quotes; other values are true, false and null)",
        ),
        ("[{\"name\":\"e\"}]", "CUSTOM_OPENAI_ENDPOINTS[0].baseUrl: is missing (it is required here)"),
        (
            "[{\"name\":\"e\",\"baseUrl\":\"https://e\",\"apiKeys\":7}]",
            "CUSTOM_OPENAI_ENDPOINTS[0].apiKeys: must be a string or an array of strings, not a number",
        ),
        (
            "[{\"name\":\"e\",\"baseURL\":\"https://e\",\"baseUrl\":\"https://e\"}]",
            "CUSTOM_OPENAI_ENDPOINTS[0].baseURL: unknown member `baseURL` (did you mean `baseUrl`?)",
        ),
        (
            "[{\"name\":\"openai\",\"baseUrl\":\"https://e\"}]",
            "CUSTOM_OPENAI_ENDPOINTS[0].name: `openai` is the name of a built-in provider (choose another name)",
        ),
        (
            "[{\"name\":\"a/b\",\"baseUrl\":\"https://e\"}]",
            "CUSTOM_OPENAI_ENDPOINTS[0].name: a provider's name may hold letters, digits and `. _ ~ + -` only",
        ),
        (
            "[{\"name\":\"v1\",\"baseUrl\":\"https://e\"}]",
            "CUSTOM_OPENAI_ENDPOINTS[0].name: `v1` is one of this server's own paths (choose another name)",
        ),
    ] {
        assert_eq!(bad("", &[("CUSTOM_OPENAI_ENDPOINTS", text)]), [format!("environment: {expected}")]);
    }
    let in_file = bad("{\n \"CUSTOM_OPENAI_ENDPOINTS\": [\n  {\"name\":\"e\",\"baseUrl\":\"e\"}] }", &[]);
    assert!(
        in_file[0].starts_with("wharf.jsonc:3:25: CUSTOM_OPENAI_ENDPOINTS[0].baseUrl: must begin with http"),
        "{in_file:?}"
    );
}

#[test]
fn the_second_predecessors_variables_work() {
    let compiled = good(
        "",
        &[
            ("ALLOWED_PROXY_KEYS", "u1, u2,"),
            ("OPENAI_API_KEY", "sk"),
            ("GEMINI_API_KEY", "g"),
            ("MOONSHOT_API_KEY", "m"),
        ],
    );
    assert_eq!(callers(&compiled), [digest(b"u1"), digest(b"u2")]);
    for name in ["openai", "gemini", "moonshot"] {
        assert!(entry(&compiled, name).available(), "{name}");
    }
    let rule = &compiled.table.egress[0];
    assert_eq!((rule.loc.join(","), rule.or_direct), ("HK,CN".into(), true));
    assert_eq!(rule.via, crate::host::Egress::Hint("wnam".into()));
}

#[test]
fn keys_take_every_form() {
    let big = "k".repeat(4096);
    for (text, expected) in [
        ("one", vec!["one"]),
        (" one , two ", vec!["one", "two"]),
        ("one,,two,", vec!["one", "two"]),
        ("one,one", vec!["one"]),
        (r#"["a,b", " c "]"#, vec!["a,b", "c"]),
        (r#""quoted""#, vec!["quoted"]),
        ("12345", vec!["12345"]),
        ("true", vec!["true"]),
        ("null", vec!["null"]),
        ("{}", vec!["{}"]),
        ("", vec![]),
        ("  ", vec![]),
        ("[]", vec![]),
        (big.as_str(), vec![big.as_str()]),
    ] {
        assert_eq!(keys(&good("", &[("OPENAI_API_KEY", text)]), "openai"), expected, "{text}");
    }
    let warned = good("", &[("OPENAI_API_KEY", "a,,a")]).warnings;
    assert_eq!(
        lines(&warned),
        [
            "environment: OPENAI_API_KEY: an empty key was left out",
            "environment: OPENAI_API_KEY: a key that is given twice was left out"
        ]
    );
    for text in ["[1]", "[null]", "a\u{1}b", "caf\u{e9}", "\u{201c}sk\u{201d}"] {
        assert_eq!(problems("", &[("OPENAI_API_KEY", text)]).len(), 1, "{text}");
    }
}

#[test]
fn caller_keys_are_never_open_by_accident() {
    for text in ["", "  ", "[]", "[\"\"]", ",", "\"\"", "[\" \", \"\"]"] {
        for name in ["PROXY_API_KEY", "ALLOWED_PROXY_KEYS"] {
            let lines = bad("", &[(name, text)]);
            assert!(lines[0].starts_with(&format!("environment: {name}: holds no key")), "{text}: {lines:?}");
            // Nor does a good key under the other name hide it.
            let other = if name == "PROXY_API_KEY" { "ALLOWED_PROXY_KEYS" } else { "PROXY_API_KEY" };
            assert_eq!(bad("", &[(name, text), (other, "good")]).len(), 1);
        }
    }
    for value in ["null", "12345", "true", "{}", "\"\"", "[]", "[\"\"]", "[123]", "\"env:MISSING\""] {
        let lines = bad(&format!("{{\n\"PROXY_API_KEY\": {value} }}"), &[]);
        assert!(lines[0].starts_with("wharf.jsonc:2:1"), "{value}: {lines:?}");
        assert!(lines[0].contains("PROXY_API_KEY"), "{value}: {lines:?}");
    }
    // From the environment everything is text.
    for text in ["12345", "true", "null", "{}"] {
        assert_eq!(callers(&good("", &[("PROXY_API_KEY", text)])), [digest(text.as_bytes())]);
    }
    // Set but empty in the environment is an error even when the file has keys.
    assert_eq!(bad("{\"PROXY_API_KEY\": \"good\"}", &[("PROXY_API_KEY", "")]).len(), 1);
}

#[test]
fn both_lists_are_callers() {
    let compiled = good("{\"PROXY_API_KEY\": [\"a\", \"b\"]}", &[("ALLOWED_PROXY_KEYS", "b,c")]);
    assert_eq!(callers(&compiled), [digest(b"a"), digest(b"b"), digest(b"c")]);
}

#[test]
fn who_may_call_without_a_key() {
    let access = |env: &[(&str, &str)]| match good("", env).table.access {
        Access::Keys(_) => "keys",
        Access::Local => "local",
        Access::Open => "open",
    };
    for (env, expected) in [
        (&[][..], "local"),
        (&[("OPEN", "true")], "open"),
        (&[("OPEN", "TRUE")], "local"),
        (&[("OPEN", "1")], "local"),
        (&[("OPEN", "true"), ("PROXY_API_KEY", "k")], "keys"),
        (&[("DEV", "true"), ("PROXY_API_KEY", "k")], "local"),
        (&[("DEV", "True"), ("PROXY_API_KEY", "k")], "keys"),
        (&[("DEV", "0"), ("PROXY_API_KEY", "k")], "keys"),
        (&[("DEV", ""), ("PROXY_API_KEY", "k")], "keys"),
        (&[("DEV", " true"), ("PROXY_API_KEY", "k")], "keys"),
        (&[("OPEN", "true\n")], "local"),
        (&[("DEV", "true"), ("OPEN", "true")], "local"),
    ] {
        assert_eq!(access(env), expected, "{env:?}");
    }
    let input = Input {
        file: None,
        env: &[],
        unreadable: &[],
        open: true,
        platform: Platform::Native,
        builtins: builtins(),
    };
    assert!(matches!(compile(&input).ok().map(|compiled| compiled.table.access), Some(Access::Open)));
}

#[test]
fn a_value_that_is_no_text_is_never_taken_for_an_unset_one() {
    let names = ["PROXY_API_KEY", "GROQ_API_KEY", "MY_KEY", "HOME"].map(str::to_owned);
    let file = r#"{ "OPENAI_API_KEY": "env:MY_KEY" }"#;
    let input = Input {
        file: Some(("f", file)),
        env: &[],
        unreadable: &names,
        open: false,
        platform: Platform::Native,
        builtins: builtins(),
    };
    let found = compile(&input).err().map(|problems| lines(&problems)).unwrap_or_default();
    assert_eq!(found.len(), 3, "{found:?}");
    for (line, name) in found.iter().zip(["MY_KEY", "PROXY_API_KEY", "GROQ_API_KEY"]) {
        assert!(line.contains(&format!("`{name}` is not UTF-8 text")), "{line}");
    }
}

#[test]
fn the_environment_wins_name_by_name() {
    let file = r#"{ "OPENAI_API_KEY": "file", "GROQ_API_KEY": "file", "DEV": true, "ENABLE_GLOBAL_ROUND_ROBIN": "true",
                    "providers": { "mistral": { "keys": "section", "base_url": "https://section.example", "relay": true } },
                    "region": { "loc": "hk" }, "ai_gateway": { "origin": "https://a.example" } }"#;
    let env = [
        ("OPENAI_API_KEY", "env"),
        ("MISTRAL_API_KEY", "env"),
        ("MISTRAL_BASE_URL", "https://env.example/"),
        ("MISTRAL_RELAY", "false"),
        ("DEV", "false"),
        ("WHARF_LOC", "de"),
        ("AI_GATEWAY_ORIGIN", "https://b.example/v9"),
    ];
    let compiled = good(file, &env);
    assert_eq!((keys(&compiled, "openai"), keys(&compiled, "groq")), (vec!["env"], vec!["file"]));
    assert_eq!(
        (keys(&compiled, "mistral"), base(&compiled, "mistral")),
        (vec!["env"], "https://env.example".into())
    );
    assert!(!entry(&compiled, "mistral").relay);
    assert!(!compiled.table.dev && compiled.table.round_robin);
    assert_eq!(compiled.table.place.loc.as_deref(), Some("DE"));
    assert_eq!(&*compiled.table.gateway.base.authority, "b.example");
    assert!(compiled.warnings.is_empty(), "{:?}", lines(&compiled.warnings));
    // An empty variable is unset.
    let compiled = good(file, &[("OPENAI_API_KEY", ""), ("MISTRAL_BASE_URL", " ")]);
    assert_eq!((keys(&compiled, "openai"), keys(&compiled, "mistral")), (vec!["file"], vec!["section"]));
}

#[test]
fn two_names_for_one_thing_are_warned_of() {
    let compiled = good("", &[("PERPLEXITY_API_KEY", "b"), ("PERPLEXITYAI_API_KEY", "a")]);
    assert_eq!(keys(&compiled, "perplexity"), ["a"]);
    assert_eq!(
        lines(&compiled.warnings),
        [
            "environment: PERPLEXITY_API_KEY: is ignored, since `PERPLEXITYAI_API_KEY` is given as well (they are names for the same thing)"
        ]
    );
    assert_eq!(keys(&good("", &[("XAI_API_KEY", "x")]), "xai"), ["x"]);
    let both = good("{ \"GROQ_API_KEY\": \"a\",\n \"providers\": { \"groq\": { \"keys\": \"b\" } } }", &[]);
    assert_eq!(keys(&both, "groq"), ["b"]);
    assert_eq!(
        lines(&both.warnings),
        [
            "wharf.jsonc:1:19: GROQ_API_KEY: is ignored, since `providers.groq.keys` is given as well (keep one of them)"
        ]
    );
}

#[test]
fn relay_is_for_all_or_for_one() {
    let relays = |env: &[(&str, &str)]| {
        let compiled = good("", env);
        (entry(&compiled, "openai").relay, entry(&compiled, "gemini").relay)
    };
    assert_eq!(relays(&[]), (false, false));
    assert_eq!(relays(&[("RELAY", "true")]), (true, true));
    assert_eq!(relays(&[("RELAY", "true"), ("OPENAI_RELAY", "false")]), (false, true));
    assert_eq!(relays(&[("GEMINI_RELAY", "true")]), (false, true));
    assert_eq!(relays(&[("GEMINI_RELAY", "yes")]), (false, false));
}

#[test]
fn references_to_the_environment_are_resolved_in_the_file_only() {
    let file = r#"{ "PROXY_API_KEY": "env:TEAM", "CF_AIG_TOKEN": "env:TOKEN", "OPENAI_API_KEY": ["env:A", "b", "env:C"] }"#;
    let env = [("TEAM", "[\"t1\",\"t2\"]"), ("TOKEN", " tok\n"), ("A", "a1,a2"), ("C", "b")];
    let compiled = good(file, &env);
    assert_eq!(callers(&compiled), [digest(b"t1"), digest(b"t2")]);
    assert_eq!(keys(&compiled, "openai"), ["a1", "a2", "b"]);
    assert_eq!(compiled.table.gateway.token.as_ref().map(crate::secret::Secret::expose), Some("tok"));
    assert_eq!(keys(&good("", &[("OPENAI_API_KEY", "env:A"), ("A", "a")]), "openai"), ["env:A"]);
    assert_eq!(problems(file, &env[..3]).len(), 1);
}
