//! Configuration over the real binary: both predecessors' as they are, every problem at once, and never open by accident.

use serde_json::{Value, json};
use wharf_testkit::client::fetch;
use wharf_testkit::process::{Ended, Launch, Wharf};
use wharf_testkit::upstream::{Upstream, refused_address};

fn launch() -> Launch {
    Wharf::launch(env!("CARGO_BIN_EXE_wharf"))
}

fn post(wharf: &Wharf, key: &str, target: &str, model: &str) -> u16 {
    let body = json!({"model": model, "messages": [{"role": "user", "content": "hi"}]}).to_string();
    let headers = [("authorization", &*format!("Bearer {key}"))];
    fetch(&wharf.base(), "POST", target, &headers, body.as_bytes()).status
}

/// All that is said at the start.
fn banner(wharf: &Wharf) -> String {
    wharf.wait_for_stderr("the whole banner", |text| text.contains("  try  "))
}

/// What `check` says of a file, with a name that its lines can begin with.
fn check(text: &str) -> Ended {
    launch().file("wharf.jsonc", text).args(&["check"]).run()
}

/// P1's `config.jsonc`, with every name it knows, comments and trailing commas.
const P1: &str = r#"{
  // Who may call.
  "$schema": "./schemas/config-schema.json",
  "PROXY_API_KEY": ["caller-key-team-a", "caller-key-team-b"],
  /* Cloudflare */
  "CLOUDFLARE_ACCOUNT_ID": null,
  "AI_GATEWAY_NAME": null,
  "CF_AIG_TOKEN": null,
  "OPENAI_API_KEY": ["sk-openai-1", "sk-openai-2"],
  "GEMINI_API_KEY": "gemini-1, gemini-2",
  "ANTHROPIC_API_KEY": null,
  "CEREBRAS_API_KEY": null,
  "COHERE_API_KEY": null,
  "DEEPSEEK_API_KEY": null,
  "GROK_API_KEY": null,
  "GROQ_API_KEY": null,
  "MISTRAL_API_KEY": null,
  "OPENROUTER_API_KEY": null,
  "HUGGINGFACE_API_KEY": null,
  "PERPLEXITYAI_API_KEY": null,
  "REPLICATE_API_KEY": null,
  "CLOUDFLARE_API_KEY": null,
  "OLLAMA_API_KEY": null,
  "CUSTOM_OPENAI_ENDPOINTS": [
    {
      "name": "my-llm", // a URL in a string is no comment
      "baseUrl": "UPSTREAM/custom/v1",
      "apiKeys": ["custom-1", "custom-2"],
      "models": ["m1", "m2"],
      "chatCompletionPath": "/chat/completions",
      "modelsPath": "/models",
    },
    { "name": "bare", "baseUrl": "UPSTREAM/bare" },
  ],
  "DEFAULT_MODEL": "my-llm/m1",
  "ENABLE_GLOBAL_ROUND_ROBIN": null,
  "DEV": false,
}
"#;

const AUTH: &str = "authorization";

#[test]
fn p1s_config_file_works_as_it_is() {
    let upstream = Upstream::echo();
    let wharf = launch()
        .file("config.jsonc", &P1.replace("UPSTREAM", &upstream.base()))
        .env("OPENAI_BASE_URL", &upstream.url("/openai/v1"))
        .env("GEMINI_BASE_URL", &upstream.url("/gemini"))
        .start();
    for (key, model, target, header, credential) in [
        ("caller-key-team-a", "openai/gpt-4o", "/openai/v1/chat/completions", AUTH, "Bearer sk-openai-"),
        (
            "caller-key-team-b",
            "google-ai-studio/g",
            "/gemini/v1beta/models/g:generateContent",
            "x-goog-api-key",
            "gemini-",
        ),
        ("caller-key-team-a", "my-llm/m2", "/custom/v1/chat/completions", AUTH, "Bearer custom-"),
        ("caller-key-team-a", "default", "/custom/v1/chat/completions", AUTH, "Bearer custom-"),
    ] {
        upstream.forget();
        post(&wharf, key, "/v1/chat/completions", model);
        let request = upstream.request();
        assert_eq!(request.target, target);
        assert!(request.header(header).is_some_and(|value| value.starts_with(credential)), "{model}");
    }
    upstream.forget();
    assert_eq!(post(&wharf, "caller-key-team-a", "/bare/x", "m"), 200);
    assert_eq!(upstream.request().header("authorization"), None);
    assert_eq!(post(&wharf, "sk-openai-1", "/v1/chat/completions", "openai/x"), 401);
    assert!(!banner(&wharf).contains("warning"), "{}", wharf.stderr());
}

#[test]
fn p2s_variables_work_as_they_are() {
    let upstream = Upstream::echo();
    let wharf = launch()
        .env("ALLOWED_PROXY_KEYS", "caller-one, caller-two,")
        .env("OPENAI_API_KEY", "sk-openai-1")
        .env("OPENROUTER_API_KEY", "or-1")
        .env("ANTHROPIC_API_KEY", "ant-1")
        .env("GEMINI_API_KEY", "gem-1")
        .env("MOONSHOT_API_KEY", "moon-1")
        .env("OPENAI_BASE_URL", &upstream.url("/openai"))
        .env("OPENROUTER_BASE_URL", &upstream.url("/openrouter"))
        .env("ANTHROPIC_BASE_URL", &upstream.url("/anthropic"))
        .env("GEMINI_BASE_URL", &upstream.url("/gemini"))
        .env("MOONSHOT_BASE_URL", &upstream.url("/moonshot"))
        .start();
    for (target, seen, header, value) in [
        ("/openai/v1/chat/completions", "/openai/v1/chat/completions", "authorization", "Bearer sk-openai-1"),
        ("/openrouter/api/v1/models", "/openrouter/api/v1/models", "authorization", "Bearer or-1"),
        ("/anthropic/v1/messages", "/anthropic/v1/messages", "x-api-key", "ant-1"),
        (
            "/gemini/v1beta/models/m:generateContent",
            "/gemini/v1beta/models/m:generateContent",
            "x-goog-api-key",
            "gem-1",
        ),
        ("/moonshot/v1/chat/completions", "/moonshot/v1/chat/completions", "authorization", "Bearer moon-1"),
    ] {
        upstream.forget();
        assert_eq!(post(&wharf, "caller-two", target, "m"), 200, "{target}");
        let request = upstream.request();
        assert_eq!((request.target.as_str(), request.header(header)), (seen, Some(value)));
    }
    assert_eq!(post(&wharf, "caller-three", "/openai/v1/models", "m"), 401);
    assert!(banner(&wharf).contains("ALLOWED_PROXY_KEYS: an empty key was left out"));
}

#[test]
fn the_environment_wins_over_the_file() {
    let upstream = Upstream::echo();
    let config = json!({
        "PROXY_API_KEY": "caller-of-the-file",
        "OPENAI_API_KEY": "key-of-the-file",
        "providers": {"openai": {"base_url": "http://127.0.0.1:1/file"}},
    });
    let wharf = launch()
        .config(&config.to_string())
        .env("PROXY_API_KEY", "caller-of-the-environment")
        .env("OPENAI_API_KEY", "key-of-the-environment")
        .env("OPENAI_BASE_URL", &upstream.url("/environment"))
        .start();
    assert_eq!(post(&wharf, "caller-of-the-file", "/openai/x", "m"), 401);
    assert_eq!(post(&wharf, "caller-of-the-environment", "/openai/x", "m"), 200);
    let request = upstream.request();
    assert_eq!(request.target, "/environment/x");
    assert_eq!(request.header("authorization"), Some("Bearer key-of-the-environment"));
}

#[test]
fn every_problem_is_named_at_once_with_its_place() {
    let ended = check(
        r#"{
  "PROXY_API_KEY": 12345,
  "OPENAI_API_KEY": true,
  "OPENAI_KEY": "sk-secret-looking-123",
  "providers": {
    "openai": { "base_url": "ftp://x", "timeouts": { "connect_ms": "1" }, "colour": 1 },
    "mine": { "keys": "k" },
  },
  "CUSTOM_OPENAI_ENDPOINTS": [{ "name": "models", "baseUrl": "x" }],
  "aliases": { "a": 1 },
  "routes": { "r": {} },
  "egress": [{ "via": "moon" }],
  "cors": { "origins": ["https://app.example/path"] },
  "listen": "nowhere"
}"#,
    );
    assert_eq!(ended.status.code(), Some(3));
    let places = [
        "2:20: PROXY_API_KEY: ",
        "3:21: OPENAI_API_KEY: ",
        "4:3: ",
        "6:29: providers.openai.base_url: ",
        "6:68: providers.openai.timeouts.connect_ms: ",
        "6:75: providers.openai.colour: ",
        "7:13: providers.mine: ",
        "9:41: CUSTOM_OPENAI_ENDPOINTS[0].name: ",
        "9:62: CUSTOM_OPENAI_ENDPOINTS[0].baseUrl: ",
        "10:21: aliases.a: ",
        "11:20: routes.r.targets: ",
        "12:23: egress[0].via: ",
        "13:25: cors.origins[0]: ",
        "14:13: listen: ",
    ];
    let lines: Vec<&str> = ended.stderr.lines().collect();
    assert_eq!(lines.len(), places.len(), "{}", ended.stderr);
    for (line, place) in lines.iter().zip(places) {
        assert!(line.starts_with(&format!("wharf.jsonc:{place}")), "{line} instead of {place}");
    }
    assert!(!ended.stderr.contains("12345") && !ended.stderr.contains("sk-secret"), "{}", ended.stderr);
}

#[test]
fn serve_refuses_what_check_refuses() {
    for text in [
        r#"{"PROXY_API_KEY": ""}"#,
        r#"{"unknown": 1}"#,
        "[]",
        "{",
        r#"{"providers": {"openai": {"base_url": "x"}}}"#,
    ] {
        let (served, checked) = (launch().file("wharf.jsonc", text).run(), check(text));
        assert_eq!((served.status.code(), checked.status.code()), (Some(3), Some(3)), "{text}");
        assert_eq!(served.stderr, checked.stderr, "{text}");
        assert!(served.stderr.starts_with("wharf.jsonc:1:"), "{}", served.stderr);
    }
}

#[test]
fn a_base_url_that_is_our_own_listener_is_refused() {
    let own = refused_address();
    let port = own.port();
    for (url, listen) in [
        (format!("http://{own}/v1"), own.to_string()),
        (format!("http://localhost:{port}"), own.to_string()),
        (format!("http://[::ffff:127.0.0.1]:{port}"), own.to_string()),
        (format!("http://0.0.0.0:{port}"), own.to_string()),
    ] {
        let run = |args: &[&str]| {
            let launch = launch().env("PROXY_API_KEY", "caller-key-1").env("OPENAI_BASE_URL", &url);
            launch.config(&json!({"listen": listen}).to_string()).without_listen().args(args).run()
        };
        let ended = run(&[]);
        assert_eq!(ended.status.code(), Some(3), "{url} at {listen}");
        assert!(ended.stderr.contains("environment: OPENAI_BASE_URL: "), "{}", ended.stderr);
    }
    let config =
        json!({"listen": own.to_string(), "providers": {"openai": {"base_url": format!("http://{own}")}}});
    let ended = check(&config.to_string());
    assert_eq!(ended.status.code(), Some(3));
    assert!(ended.stderr.contains("providers.openai.base_url"), "{}", ended.stderr);
}

#[test]
fn the_usual_files_are_found_and_two_of_them_are_warned_of() {
    let file = |name: &str, model: &str| (name.to_owned(), json!({"DEFAULT_MODEL": model}).to_string());
    let both = [file("wharf.jsonc", "echo/ours"), file("config.jsonc", "echo/theirs")];
    for (files, found, warned) in [
        (&both[..1], "wharf.jsonc", false),
        (&both[1..], "config.jsonc", false),
        (&both[..], "wharf.jsonc", true),
    ] {
        let mut launch = launch();
        for (name, content) in files {
            launch = launch.file(name, content);
        }
        let said = banner(&launch.start());
        assert!(said.contains(&format!("config     {found}")), "{said}");
        assert_eq!(said.contains("both ./wharf.jsonc and ./config.jsonc"), warned, "{said}");
    }
    let none = launch().start();
    assert!(banner(&none).contains("the environment only"));
    assert_eq!(post(&none, "", "/v1/chat/completions", "echo/any"), 200, "`echo` answers");
    for command in [&["--config", "nowhere.jsonc"][..], &["check", "--config", "nowhere.jsonc"]] {
        let ended = launch().args(command).run();
        assert_eq!(ended.status.code(), Some(3));
        assert!(ended.stderr.contains("nowhere.jsonc"), "{}", ended.stderr);
    }
}

#[test]
fn the_documented_example_is_accepted() {
    let example = json!({
        "$schema": "./wharf.schema.json",
        "PROXY_API_KEY": ["team-a", "team-b"],
        "OPENAI_API_KEY": ["sk-1", "sk-2"],
        "providers": {
            "openai": {"base_url": "http://127.0.0.1:9100/v1", "timeouts": {"connect_ms": 2000, "first_byte_ms": 30000, "idle_ms": 60000}},
            "my-llm": {"format": "openai_chat", "base_url": "https://llm.example.com/v1", "keys": ["env:MY_LLM_KEY"], "models": ["m1"]},
        },
        "aliases": {"fast": "groq/llama-3.3-70b"},
        "routes": {"smart": {"targets": ["anthropic/claude-sonnet-4-5", "openai/gpt-5"]}},
        "region": {"loc": "HK", "colo": "HKG"},
        "cors": {"origins": ["https://app.example"]},
        "ai_gateway": {"origin": "https://gateway.ai.cloudflare.com/v1", "allow_direct": false},
        "egress": [{"when": {"loc": ["HK", "CN"]}, "via": "wnam"}],
    });
    let ended = launch().env("MY_LLM_KEY", "k").args(&["check"]).config(&example.to_string()).run();
    assert_eq!(ended.status.code(), Some(0), "{}", ended.stderr);
    let only_hints = ended.stderr.lines().all(|line| line.starts_with("warning: egress: region hints"));
    assert!(only_hints && ended.stderr.lines().count() == 1, "{}", ended.stderr);
    let missing = launch().args(&["check"]).config(&example.to_string()).run();
    assert!(missing.status.code() == Some(3) && missing.stderr.contains("MY_LLM_KEY"), "{}", missing.stderr);
}

#[test]
fn names_that_clash_or_cannot_be_reached_are_refused() {
    let reserved = [
        "v1",
        "v1beta",
        "key",
        "g",
        "compat",
        "health",
        "ready",
        "ping",
        "status",
        "metrics",
        "admin",
        "models",
        "chat",
        "messages",
        "responses",
    ];
    for name in reserved.into_iter().chain(["openai", "gemini", "xai", "a/b", "a b", "", "ü", "a%b"]) {
        let config = json!({"CUSTOM_OPENAI_ENDPOINTS": [{"name": name, "baseUrl": "http://x.example"}]});
        assert_eq!(check(&config.to_string()).status.code(), Some(3), "{name:?}");
    }
    for name in ["a", "a+b", "A.b_c~d-e", "0", "v2", "keys"] {
        let config: Value =
            json!({"CUSTOM_OPENAI_ENDPOINTS": [{"name": name, "baseUrl": "http://x.example"}]});
        assert_eq!(check(&config.to_string()).status.code(), Some(0), "{name:?}");
    }
}
