//! Paths that try to leave where they belong: another host, or above a provider's base path.

use crate::{CALLER, Setup, code};

/// The targets that the upstream saw, which all came to it and to nobody else.
fn seen(setup: &Setup) -> Vec<String> {
    let requests = setup.upstream.requests();
    for request in &requests {
        assert_eq!(request.header("host"), Some(&*setup.upstream.address().to_string()));
    }
    requests.into_iter().map(|request| request.target).collect()
}

#[test]
fn no_path_climbs_above_a_providers_base() {
    let setup = Setup::start();
    for path in [
        "/openai/../x",
        "/openai/a/../../x",
        "/openai/..",
        "/openai/%2e%2e/x",
        "/openai/%2E%2E/x",
        "/openai/.%2e/x",
        "/openai/%2e%2e%2fx",
        "/openai/..%2fx",
        "/openai/a%2f..%2f..%2fx",
        "/openai/..%5cx",
        "/openai/..\\x",
        "/openai/a/..\\..\\x",
        "/openai/%2e%2e%5cx",
        "/my.llm/../x",
        "/key/0/openai/../x",
    ] {
        let response = setup.get(path);
        let targets = seen(&setup);
        assert!([400, 404].contains(&response.status), "{path}: {} {targets:?}", response.status);
        assert!(targets.is_empty(), "{path} went to {targets:?}");
        assert!(["invalid_request", "not_found"].contains(&&*code(&response)), "{path}");
        setup.still_good(path);
    }
}

#[test]
fn dots_that_stay_below_the_base_are_settled_there() {
    let setup = Setup::start();
    for (path, target) in [
        ("/openai/a/../b", "/base/v1/b"),
        ("/openai/./a", "/base/v1/a"),
        ("/openai/a/%2e%2e/b", "/base/v1/b"),
        ("/openai/a..b/...", "/base/v1/a..b/..."),
        ("/openai/a%2Fb", "/base/v1/a%2Fb"),
        ("/openai/@evil.example/x", "/base/v1/@evil.example/x"),
        ("/openai//evil.example/x", "/base/v1/evil.example/x"),
        ("/openai/http://evil.example/x", "/base/v1/http://evil.example/x"),
        ("/openai/x?u=http://evil.example/../x", "/base/v1/x?u=http://evil.example/../x"),
        ("/openai/x;a=b", "/base/v1/x;a=b"),
    ] {
        assert_eq!(setup.get(path).status, 200, "{path}");
        assert_eq!(seen(&setup), [target], "{path}");
        setup.upstream.forget();
    }
}

#[test]
fn no_model_in_a_path_climbs_or_adds_to_the_url() {
    let setup = Setup::start();
    for model in [
        "gemini/../../x",
        "gemini/%2e%2e/%2e%2e/x",
        "gemini/%2e%2e%2f%2e%2e%2fx",
        "gemini/..",
        "gemini/a/../../../x",
        "gemini/.",
    ] {
        let response = setup.post(&format!("/v1beta/models/{model}:generateContent"), &[], b"{}");
        let targets = seen(&setup);
        assert_eq!(response.status, 400, "{model} went to {targets:?}");
        assert!(targets.is_empty(), "{model} went to {targets:?}");
        setup.still_good(model);
    }
    for (model, target) in [
        ("gemini/a%3Fkey=x", "/deep/base/v1beta/models/a%3Fkey%3Dx:generateContent"),
        ("gemini/a%23b", "/deep/base/v1beta/models/a%23b:generateContent"),
        ("gemini/a%0d%0aHost:evil", "/deep/base/v1beta/models/a%0D%0AHost:evil:generateContent"),
        ("gemini/tuned/a..b", "/deep/base/v1beta/models/tuned/a..b:generateContent"),
    ] {
        let response = setup.post(&format!("/v1beta/models/{model}:generateContent"), &[], b"{}");
        assert_eq!(response.status, 200, "{model}");
        assert_eq!(seen(&setup), [target], "{model}");
        setup.upstream.forget();
    }
}

#[test]
fn another_host_in_the_target_leads_nowhere_else() {
    let setup = Setup::start();
    for (target, statuses) in [
        ("//evil.example/x", &[404][..]),
        ("//openai/x", &[404]),
        ("http://evil.example/openai/x", &[200, 400]),
        ("http://user:password@evil.example/openai/x", &[200, 400]),
        ("https://evil.example:444/unknown", &[400, 404]),
        ("http://evil.example", &[400, 404]),
        ("ftp://evil.example/openai/x", &[200, 400]),
        ("http://", &[400, 404]),
        ("/@evil.example/x", &[404]),
        ("/openai@evil.example/x", &[404]),
        ("/%6fpenai/x", &[404, 200]),
        ("/OPENAI/x", &[404]),
        ("/openai", &[404]),
        ("/unknown/x", &[404]),
        ("/__proto__/x", &[404]),
        ("/constructor/x", &[404]),
        ("/", &[404]),
        ("*", &[400, 404]),
    ] {
        let request = format!("GET {target} HTTP/1.1\r\nHost: h\r\nAuthorization: {CALLER}\r\n\r\n");
        let status = setup.ask(request).status;
        assert!(statuses.contains(&status), "{target}: {status}");
        assert!(seen(&setup).iter().all(|path| path == "/base/v1/x"), "{target}: {:?}", seen(&setup));
        setup.still_good(target);
    }
    let tunnel = setup.ask("CONNECT evil.example:443 HTTP/1.1\r\nHost: evil.example:443\r\n\r\n");
    assert!((400..500).contains(&tunnel.status), "{tunnel:?}");
}

#[test]
fn an_unknown_path_without_a_key_is_unauthorized_whatever_it_is() {
    let setup = Setup::start();
    for target in [
        "/unknown",
        "/openai/../x",
        "/key/zzz/ping",
        "/v1/files",
        "//evil.example",
        "/v1beta/models/x:embedContent",
    ] {
        let answers = setup.raw(format!("GET {target} HTTP/1.1\r\nHost: h\r\n\r\n"));
        assert_eq!(
            (answers[0].status, answers[0].header("www-authenticate")),
            (401, Some("Bearer")),
            "{target}"
        );
    }
}
