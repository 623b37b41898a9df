//! `/v1/models` and `/status`: every provider is asked, none can hold the others up, and what fails is named.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on fails")]

use serde_json::{Value, json};
use wharf_testkit::client::{Client, Response, fetch};
use wharf_testkit::process::Wharf;
use wharf_testkit::upstream::{Recorded, Reply, Upstream};

fn start(config: &Value) -> Wharf {
    // One worker: each has its own cache.
    Wharf::launch(env!("CARGO_BIN_EXE_wharf")).config(&config.to_string()).args(&["--workers", "1"]).start()
}

fn get(wharf: &Wharf, target: &str) -> Response {
    fetch(&wharf.base(), "GET", target, &[], b"")
}

fn ids(response: &Response) -> Vec<String> {
    let list = response.json();
    let id = |entry: &Value| entry["id"].as_str().unwrap().to_owned();
    list["data"].as_array().unwrap().iter().map(id).collect()
}

/// An OpenAI-like list.
fn list(names: &[&str]) -> Reply {
    let data: Vec<Value> =
        names.iter().map(|id| json!({"id": id, "object": "model", "created": 7})).collect();
    Reply::json(200, &json!({"object": "list", "data": data}))
}

fn provider(upstream: &Upstream, name: &str) -> Value {
    json!({"base_url": upstream.url(&format!("/{name}")), "keys": [format!("own-key-of-{name}")]})
}

#[test]
fn all_pages_of_every_kind_are_read_and_an_endless_list_has_an_end() {
    let member = |request: &Recorded, name: &str| {
        let query = request.query().unwrap_or_default().to_owned();
        query.split('&').find_map(|one| one.strip_prefix(&format!("{name}="))).map(str::to_owned)
    };
    let upstream = Upstream::start(move |request| match request.path() {
        "/anthropic/v1/models" => match member(request, "after_id").as_deref() {
            None => Reply::json(
                200,
                &json!({"data": [{"id": "a1", "type": "model"}], "has_more": true, "last_id": "a1"}),
            ),
            Some("a1") => {
                Reply::json(200, &json!({"data": [{"id": "a2", "type": "model"}], "has_more": false}))
            }
            Some(other) => panic!("{other}"),
        },
        "/gemini/v1beta/models" => match member(request, "pageToken").as_deref() {
            None => Reply::json(200, &json!({"models": [{"name": "models/g1"}], "nextPageToken": "t/2+="})),
            Some("t%2F2%2B%3D") => Reply::json(200, &json!({"models": [{"name": "models/g2"}]})),
            Some(other) => panic!("{other}"),
        },
        "/cohere/v1/models" => {
            Reply::json(200, &json!({"models": [{"name": "c"}], "next_page_token": "again"}))
        }
        other => panic!("{other}"),
    });
    let wharf = start(&json!({"providers": {
        "anthropic": provider(&upstream, "anthropic"),
        "gemini": provider(&upstream, "gemini"),
        "cohere": provider(&upstream, "cohere"),
    }}));
    let response = get(&wharf, "/v1/models");
    let ids = ids(&response);
    let of =
        |name: &str| ids.iter().filter(|id| id.starts_with(name)).map(String::as_str).collect::<Vec<_>>();
    assert_eq!(of("anthropic/"), ["anthropic/a1", "anthropic/a2"]);
    assert_eq!(of("google-ai-studio/"), ["google-ai-studio/g1", "google-ai-studio/g2"]);
    assert!(!of("cohere/").is_empty() && of("cohere/").len() < 1000, "{}", of("cohere/").len());
}

#[test]
fn a_refused_key_gives_way_and_what_fails_is_left_out_by_name() {
    let upstream = Upstream::start(|request| match request.path() {
        "/openai/models" if request.header("authorization") == Some("Bearer bad-key-1") => {
            Reply::new(401, "no")
        }
        "/openai/models" => list(&["gpt"]),
        "/groq/models" => Reply::new(500, "down"),
        "/mistral/v1/models" => Reply::new(200, "<html>"),
        "/deepseek/models" => Reply::json(200, &json!({"something": "else"})),
        "/xai/v1/models" => list(&["x"]).cut_body_after(10),
        "/cerebras/models" => Reply::close(),
        other => panic!("{other}"),
    });
    let wharf = start(&json!({"providers": {
        "openai": {"base_url": upstream.url("/openai"), "keys": ["bad-key-1", "good-key-2"]},
        "groq": provider(&upstream, "groq"),
        "mistral": provider(&upstream, "mistral"),
        "deepseek": provider(&upstream, "deepseek"),
        "xai": provider(&upstream, "xai"),
        "cerebras": provider(&upstream, "cerebras"),
    }}));
    for _ in 0..4 {
        let response = get(&wharf, "/v1/models");
        assert_eq!((response.status, ids(&response)), (200, vec!["openai/gpt".to_owned()]));
        let mut missing: Vec<&str> = response.header("x-wharf-models-missing").unwrap().split(',').collect();
        missing.sort_unstable();
        assert_eq!(missing, ["cerebras", "deepseek", "grok", "groq", "mistral"]);
    }
    let asked = |path: &str| upstream.requests().iter().filter(|request| request.path() == path).count();
    assert!(asked("/openai/models") <= 2, "kept: {}", asked("/openai/models"));
    assert_eq!(asked("/groq/models"), 4, "what failed is asked again");
}

#[test]
fn a_named_key_is_used_and_its_list_is_kept_apart() {
    let upstream = Upstream::start(|request| {
        list(&[request.header("authorization").unwrap().trim_start_matches("Bearer ")])
    });
    let wharf = start(
        &json!({"providers": {"openai": {"base_url": upstream.base(), "keys": ["key-zero", "key-one"]}}}),
    );
    for (target, id) in [
        ("/key/1/v1/models", "openai/key-one"),
        ("/key/0/v1/models", "openai/key-zero"),
        ("/key/1/v1/models", "openai/key-one"),
        ("/key/3/models", "openai/key-one"),
    ] {
        assert_eq!(ids(&get(&wharf, target)), [id], "{target}");
    }
    assert_eq!(upstream.requests().len(), 2);
}

#[test]
fn one_model_is_found_by_its_whole_name() {
    let upstream = Upstream::start(|_| list(&["plain", "a/b", "tuned:v1@x"]));
    let wharf = start(
        &json!({"providers": {"openai": provider(&upstream, "openai"), "mine": provider(&upstream, "mine")}}),
    );
    for (target, id) in [
        ("/v1/models/openai/plain", "openai/plain"),
        ("/v1/models/openai%2Fplain", "openai/plain"),
        ("/models/openai/a/b", "openai/a/b"),
        ("/v1/models/openai%2Fa%2fb?x=1", "openai/a/b"),
        ("/v1/models/mine/tuned%3Av1@x", "mine/tuned:v1@x"),
    ] {
        let response = get(&wharf, target);
        assert_eq!((response.status, response.json()["id"].as_str()), (200, Some(id)), "{target}");
    }
    for target in [
        "/v1/models/openai/none",
        "/v1/models/plain",
        "/v1/models/nobody/plain",
        "/v1/models/openai/",
        "/v1/models/openai",
    ] {
        let response = get(&wharf, target);
        assert_eq!(
            (response.status, &response.json()["error"]["code"]),
            (404, &json!("not_found")),
            "{target}"
        );
    }
}

#[test]
fn echo_is_listed_only_where_there_is_nobody_else() {
    let alone = start(&json!({}));
    assert!(ids(&get(&alone, "/v1/models")).iter().all(|id| id.starts_with("echo/")));
    assert_eq!(get(&alone, "/status").json()["providers"]["echo"]["available"], true);
    let upstream = Upstream::start(|_| list(&["m"]));
    let wharf = start(&json!({"providers": {"openai": provider(&upstream, "openai")}}));
    assert_eq!(ids(&get(&wharf, "/v1/models")), ["openai/m"]);
    assert_eq!(get(&wharf, "/status").json()["providers"]["echo"], Value::Null);
    let chat = br#"{"model":"echo/any","messages":[{"role":"user","content":"hi"}]}"#;
    assert_eq!(
        fetch(&wharf.base(), "POST", "/v1/chat/completions", &[], chat).status,
        200,
        "it answers all the same"
    );
}

#[test]
fn silent_providers_are_given_five_seconds_all_at_once() {
    let upstream = Upstream::start(|request| match request.path() {
        "/openai/models" => list(&["gpt"]),
        _ => Reply::stall(),
    });
    let mut providers = json!({"openai": provider(&upstream, "openai")});
    for name in ["groq", "mistral", "deepseek", "xai", "cerebras"] {
        providers[name] = provider(&upstream, name);
    }
    let wharf = start(&json!({"providers": providers}));
    // Both at once, each on a connection of its own: the time is spent only once.
    let mut clients = ["/v1/models", "/status"].map(|target| {
        let mut client = Client::connect(wharf.address());
        client.send_request("GET", target, &[], b"");
        client
    });
    let [models, status] = &mut clients;
    let models = models.read().unwrap();
    assert_eq!((models.status, ids(&models)), (200, vec!["openai/gpt".to_owned()]));
    let missing = models.header("x-wharf-models-missing").unwrap();
    assert_eq!(missing.split(',').count(), 5, "{missing}");
    let status = status.read().unwrap().json();
    assert_eq!(status["providers"]["openai"]["keys"][0]["status"], "valid");
    for name in ["groq", "mistral", "deepseek", "grok", "cerebras"] {
        assert_eq!(status["providers"][name]["keys"][0]["status"], "unknown", "{name}");
    }
    upstream.wait_for_cancels(10);
    for line in wharf.access_log(2) {
        let took = line["end_us"].as_u64().unwrap();
        assert!((4_500_000..9_500_000).contains(&took), "{line}");
    }
}

#[test]
fn each_dialect_has_its_own_list() {
    let upstream = Upstream::start(|_| list(&["m"]));
    let wharf = start(&json!({"providers": {"openai": provider(&upstream, "openai")}}));
    let openai = get(&wharf, "/v1/models").json();
    assert_eq!((&openai["object"], &openai["data"][0]["id"]), (&json!("list"), &json!("openai/m")));
    assert_eq!(openai["data"][0]["created"], 7);
    let headers = [("anthropic-version", "2023-06-01")];
    let anthropic = fetch(&wharf.base(), "GET", "/v1/models", &headers, b"").json();
    assert_eq!(
        (&anthropic["data"][0]["type"], &anthropic["data"][0]["id"]),
        (&json!("model"), &json!("openai/m"))
    );
    assert_eq!((&anthropic["has_more"], &anthropic["last_id"]), (&json!(false), &json!("openai/m")));
    let gemini = get(&wharf, "/v1beta/models").json();
    assert_eq!(gemini["models"][0]["name"], "models/openai/m");
    assert_eq!(upstream.requests().len(), 1, "one list serves them all");
}
