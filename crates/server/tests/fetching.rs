//! Images by URL for a provider that takes bytes only, with `fetch_images` on: what is never fetched, and what a caller
//! is told.

use serde_json::{Value, json};
use wharf_testkit::client::{Client, Response};
use wharf_testkit::process::Wharf;
use wharf_testkit::upstream::Upstream;

fn start(upstream: &Upstream) -> Wharf {
    let config = json!({
        "fetch_images": true,
        "providers": {
            "be": {"format": "bedrock_converse", "base_url": upstream.base(), "keys": ["key-a"]},
        },
    });
    Wharf::launch(env!("CARGO_BIN_EXE_wharf")).config(&config.to_string()).start()
}

fn ask(wharf: &Wharf, urls: &[&str]) -> Response {
    let image = |url: &&str| json!({"type": "image_url", "image_url": {"url": url}});
    let content: Vec<Value> = urls.iter().map(image).collect();
    let body = json!({"model": "be/m", "messages": [{"role": "user", "content": content}]});
    let mut client = Client::connect(wharf.address());
    client.request("POST", "/v1/chat/completions", &[], body.to_string().as_bytes())
}

#[test]
fn an_address_of_the_neighbourhood_is_refused_however_it_is_written() {
    let upstream = Upstream::echo();
    let wharf = start(&upstream);
    let port = upstream.address().port();
    for host in [
        "127.0.0.1",
        "localhost",
        "127.1",
        "2130706433",
        "0x7f000001",
        "0177.0.0.1",
        "0.0.0.0",
        "[::1]",
        "[::]",
        "[::ffff:127.0.0.1]",
        "[::ffff:7f00:1]",
        "[64:ff9b::7f00:1]",
        "[2002:7f00:1::]",
        "169.254.169.254",
    ] {
        let answer = ask(&wharf, &[&format!("https://{host}:{port}/a.png?secret=1")]);
        assert_eq!(answer.status, 400, "{host}: {}", answer.text());
        let message = answer.json()["error"]["message"].as_str().unwrap().to_owned();
        // A resolver may refuse odd spellings itself.
        let why = ["private_address", "dns_failure"].iter().any(|why| message.ends_with(why));
        assert!(why && !message.contains("secret"), "{host}: {message}");
    }
    assert!(upstream.log().requests.is_empty(), "nobody was called");
}

#[test]
fn what_is_not_plainly_https_is_refused_before_anybody_is_asked() {
    let upstream = Upstream::echo();
    let wharf = start(&upstream);
    let plain = upstream.url("/a.png");
    for url in [
        plain.as_str(),
        "https://user@images.example/a.png",
        "https://user:pw@images.example/a.png",
        "https://images.example@127.0.0.1/a.png",
        "https://%3127.0.0.1/a.png",
        "https://images.example:0/a.png",
    ] {
        let answer = ask(&wharf, &[url]);
        assert_eq!(answer.status, 400, "{url}: {}", answer.text());
        assert!(answer.text().contains("can't be fetched"), "{url}: {}", answer.text());
    }
    assert!(upstream.log().requests.is_empty(), "nobody was called");
}
