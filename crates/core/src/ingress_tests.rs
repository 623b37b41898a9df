use super::*;

fn at(method: &Method, path: &str) -> Ingress {
    let names = [("openai", 0), ("gemini", 1), ("my.llm", 2)].map(|(n, i)| (n.to_owned(), i));
    parse(method, path, &HashMap::from(names))
}

fn get(path: &str) -> Endpoint {
    at(&Method::GET, path).endpoint
}

fn post(path: &str) -> Endpoint {
    at(&Method::POST, path).endpoint
}

fn through(entry: usize, rest: &str) -> Endpoint {
    Endpoint::PassThrough { entry, rest: rest.into() }
}

#[test]
fn prefixes_come_in_either_order_and_once() {
    for path in ["/key/2/g/gw_1/openai/x", "/g/gw_1/key/2/openai/x"] {
        let ingress = at(&Method::GET, path);
        assert_eq!(ingress.key, Some(Selector::One(2)));
        assert_eq!(ingress.gateway.as_deref(), Some("gw_1"));
        assert_eq!(ingress.endpoint, through(0, "/x"));
    }
    for path in [
        "/key/1/key/2/openai/x",
        "/g/a/g/b/openai/x",
        "/key/1abc/ping",
        "/key//ping",
        "/g//ping",
        "/g/a%20/ping",
    ] {
        assert_eq!(get(path), Endpoint::Unknown, "{path}");
    }
    assert_eq!(at(&Method::POST, "/g/x").endpoint, Endpoint::Universal);
    assert_eq!(at(&Method::POST, "/key/0/").endpoint, Endpoint::Universal);
    assert_eq!(at(&Method::GET, "/key/-/ping").key, Some(Selector::All));
}

#[test]
fn a_trailing_slash_changes_no_route() {
    let chat = Endpoint::Ask { ask: Ask::Chat, model: None };
    for path in ["/v1/chat/completions", "/v1/chat/completions/", "/chat/completions", "/chat/completions/"] {
        assert_eq!(post(path), chat, "{path}");
        assert_eq!(get(path), Endpoint::Unknown, "{path}");
    }
    assert_eq!(get("/v1/models/"), Endpoint::Models { gemini: false });
    assert_eq!(get("/v1beta/models"), Endpoint::Models { gemini: true });
    assert_eq!(get("/ping/"), Endpoint::Ping);
    assert_eq!(post("/health"), Endpoint::Unknown);
    assert_eq!(post("/messages"), Endpoint::Unknown);
    assert_eq!(post("/V1/chat/completions"), Endpoint::Unknown);
}

#[test]
fn model_ids_may_hold_slashes() {
    let id = |id: &str, gemini| Endpoint::Model { id: id.into(), gemini };
    assert_eq!(get("/v1/models/openai/gpt-5"), id("openai/gpt-5", false));
    assert_eq!(get("/v1/models/openai%2Fgpt-5"), id("openai/gpt-5", false));
    assert_eq!(get("/v1beta/models/gemini/x"), id("gemini/x", true));
    let ask = |verb, model: &str| Endpoint::Ask { ask: Ask::Generate(verb), model: Some(model.into()) };
    assert_eq!(post("/v1beta/models/groq/a/b:generateContent"), ask("generateContent", "groq/a/b"));
    assert_eq!(post("/v1beta/models/a%2Fb:c:streamGenerateContent"), ask("streamGenerateContent", "a/b:c"));
    assert_eq!(post("/v1/models/groq/a/b:countTokens/"), ask("countTokens", "groq/a/b"));
    assert_eq!(post("/v1/models/x:streamGenerateContent"), ask("streamGenerateContent", "x"));
    assert_eq!(post("/models/x:generateContent"), Endpoint::Unknown);
    assert_eq!(post("/v1beta/models/x:explode"), Endpoint::Unknown);
}

#[test]
fn where_get_works_head_does() {
    let head = |path| at(&Method::HEAD, path).endpoint;
    for path in ["/health", "/ready", "/status", "/v1/models", "/v1beta/models", "/v1/models/openai/x"] {
        assert_eq!(head(path), get(path), "{path}");
        assert_ne!(head(path), Endpoint::Unknown, "{path}");
    }
    assert_eq!(head("/v1/chat/completions"), Endpoint::Unknown);
}

#[test]
fn what_is_not_built_says_so() {
    for path in [
        "/v1/files",
        "/v1/files/f-1/content",
        "/v1/batches",
        "/v1/responses/resp_1",
        "/v1beta/models/x:embedContent",
        "/v1/models/x:batchEmbedContents",
    ] {
        assert!(matches!(post(path), Endpoint::Unbuilt { .. }), "{path}");
    }
    assert!(matches!(get("/v1/responses/resp_1"), Endpoint::Unbuilt { .. }));
    assert_eq!(get("/v1/filesystem"), Endpoint::Unknown);
}

#[test]
fn pass_through_cannot_climb() {
    assert_eq!(get("/openai/v1/models"), through(0, "/v1/models"));
    assert_eq!(get("/my.llm/"), through(2, "/"));
    assert_eq!(get("/openai"), Endpoint::Unknown);
    assert_eq!(get("/OpenAI/x"), Endpoint::Unknown);
    assert_eq!(get("/openai/a/../b"), through(0, "/b"));
    assert_eq!(get("/openai/a/./b/.."), through(0, "/a/"));
    assert_eq!(get("/openai/a%2Fb"), through(0, "/a%2Fb"));
    assert_eq!(get("/openai/v1.5/..x"), through(0, "/v1.5/..x"));
    for path in [
        "/openai/..",
        "/openai/../x",
        "/openai/%2e%2e/x",
        "/openai/.%2E/x",
        "/openai/%2e%2e%2fx",
        "/openai/a/..%2f..%2f..%2fx",
        "/openai/..\\x",
        "/openai/..%5Cx",
        "/openai/..;a/x",
        "/openai/..#x",
    ] {
        assert_eq!(get(path), Endpoint::Climbs { entry: Some(0) }, "{path}");
    }
    assert_eq!(get("/compat/a/../b"), Endpoint::Compat { rest: "/compat/b".into() });
    assert_eq!(get("/compat"), Endpoint::Compat { rest: "/compat".into() });
    assert_eq!(get("/compatible"), Endpoint::Unknown);
    for path in ["/compat/..", "/compat/../../other/gw/x", "/compat/%2e%2e/x", "/compat/..%2fx"] {
        assert_eq!(get(path), Endpoint::Climbs { entry: None }, "{path}");
    }
    for path in ["//evil", "//openai/x", "/@openai/x", "/x/../openai/y", ""] {
        assert_eq!(get(path), Endpoint::Unknown, "{path}");
    }
}

#[test]
fn whatever_is_below_images_and_audio_is_the_providers() {
    let ask = |ask| Endpoint::Ask { ask, model: None };
    assert_eq!(post("/v1/images/edits"), ask(Ask::Images("edits".into())));
    assert_eq!(post("/v1/images/edits/"), ask(Ask::Images("edits".into())));
    assert_eq!(post("/v1/audio/voices/new_one"), ask(Ask::Audio("voices/new_one".into())));
    for path in [
        "/v1/images",
        "/v1/images/",
        "/v1/images//x",
        "/v1/audio/../x",
        "/v1/audio/%2e%2e/x",
        "/v1/audio/a.b",
    ] {
        assert_eq!(post(path), Endpoint::Unknown, "{path}");
    }
    assert_eq!(get("/v1/images/edits"), Endpoint::Unknown);
}

#[test]
fn whatever_is_below_admin_is_for_the_operator() {
    assert_eq!(post("/admin/reload"), Endpoint::AdminReload);
    assert_eq!(post("/admin/reload/"), Endpoint::AdminReload);
    for path in ["/admin", "/admin/", "/admin/reload", "/admin/x/reload", "/admin//reload"] {
        assert_eq!(get(path), Endpoint::AdminUnknown, "{path}");
    }
    for path in ["/administer", "/Admin/reload"] {
        assert_eq!(post(path), Endpoint::Unknown, "{path}");
    }
}
