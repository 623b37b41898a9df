//! Any request line and any credential: nothing panics, nothing climbs above a base URL, no `key` goes upstream.
#![no_main]

use http::{HeaderName, HeaderValue, Method};
use libfuzzer_sys::fuzz_target;
use std::sync::LazyLock;
use wharf_core::config::{Input, Platform, compile};
use wharf_core::headers::Headers;
use wharf_core::ingress::{self, Endpoint, Ingress};
use wharf_core::provider::catalog::builtins;
use wharf_core::selector::Selector;
use wharf_core::table::{Base, Table};
use wharf_core::{auth, query, upstream};

const METHODS: [Method; 5] = [Method::GET, Method::POST, Method::HEAD, Method::OPTIONS, Method::DELETE];

/// Headers that a credential may come in.
const HEADERS: [&str; 5] =
    ["authorization", "x-api-key", "x-goog-api-key", "api-key", "sec-websocket-protocol"];

const CALLER: &str = "the-caller-key";

static TABLE: LazyLock<Table> = LazyLock::new(|| {
    let env =
        [("PROXY_API_KEY", CALLER), ("OPENAI_API_KEY", "sk-1, sk-2"), ("CLOUDFLARE_ACCOUNT_ID", "account")];
    let env = env.map(|(name, value)| (name.to_owned(), value.to_owned()));
    match compile(&Input {
        file: None,
        env: &env,
        unreadable: &[],
        open: false,
        platform: Platform::Native,
        builtins: builtins(),
    }) {
        Ok(compiled) => compiled.table,
        Err(problems) => panic!("{problems:?}"),
    }
});

/// One round of percent-decoding, as an upstream would do it.
fn decoded(text: &str) -> Vec<u8> {
    let bytes = text.as_bytes();
    let (mut out, mut at) = (Vec::with_capacity(bytes.len()), 0);
    while at < bytes.len() {
        let hex = bytes
            .get(at + 1..at + 3)
            .filter(|_| bytes[at] == b'%')
            .and_then(|hex| std::str::from_utf8(hex).ok());
        let plain = hex.filter(|hex| hex.bytes().all(|b| b.is_ascii_hexdigit()));
        match plain.and_then(|hex| u8::from_str_radix(hex, 16).ok()) {
            Some(byte) => (out.push(byte), at += 3),
            None => (out.push(bytes[at]), at += 1),
        };
    }
    out
}

/// Whether a path has a segment `..`, whichever slash stands around it.
fn climbs(path: &str) -> bool {
    decoded(path).split(|byte| matches!(byte, b'/' | b'\\')).any(|segment| segment == b"..")
}

fn goes_to(base: &Base, rest: &str, query: &str) {
    let joined = upstream::join(base, rest, query);
    let path = joined.split('?').next().unwrap_or_default();
    assert!(path.starts_with('/') && path.starts_with(&base.path), "{joined} is not below {}", base.path);
    assert!(!path.starts_with("//"), "{joined} could be read as another host");
    assert!(!climbs(path), "{joined} climbs");
}

fn the_path(method: &Method, path: &str, query: &str) {
    let Ingress { key, gateway, endpoint } = ingress::parse(method, path, &TABLE.names);
    if let Some(key) = key {
        for length in [1, 2, 7] {
            let (first, last) = key.bounds(length);
            assert!(first <= last && last < length);
        }
        let again = Selector::parse(&key.to_string()).map(|again| again.bounds(7));
        assert_eq!(again, Some(key.bounds(7)), "a selector reads back as itself");
    }
    assert!(gateway.as_deref().is_none_or(ingress::is_gateway_name));
    if let Endpoint::PassThrough { entry, rest } = endpoint {
        assert!(rest.starts_with('/') && !climbs(&rest), "{path} became {rest}");
        if let Some(base) = &TABLE.entries[entry].base {
            goes_to(base, &rest, query);
        }
    }
}

fn the_query(query: &str) {
    let left = query::without_key(query);
    assert_eq!(query::key(&left), None, "{query} still holds a key as {left}");
    assert_eq!(query::without_key(&left), left, "a second time takes nothing more away");
    let mut members = query.split('&');
    assert!(
        left.is_empty() || left.split('&').all(|kept| members.any(|member| member == kept)),
        "order and spelling stay"
    );
}

fn the_credential(name: u8, value: &[u8], query: &str) {
    let mut headers = Headers::new();
    if let Ok(value) = HeaderValue::from_bytes(value) {
        headers.insert(HeaderName::from_static(HEADERS[usize::from(name) % HEADERS.len()]), value);
    }
    let known = auth::authenticate(&TABLE, &headers, Some(query), TABLE.entries.last()).is_ok();
    let holds = |text: &[u8]| text.windows(CALLER.len()).any(|part| part == CALLER.as_bytes());
    assert!(!known || holds(value) || holds(&decoded(query)), "only the caller's key lets a caller in");
    let _ = auth::check_local(&TABLE, &headers, std::str::from_utf8(value).ok());
}

fuzz_target!(|input: (u8, &str, &str, &str, u8, &[u8])| {
    let (method, path, query, segment, name, value) = input;
    // The host splits a target at its first `?`.
    let path = path.split('?').next().unwrap_or_default();
    let segment = segment.split('?').next().unwrap_or_default();
    let method = &METHODS[usize::from(method) % METHODS.len()];
    for path in
        [path, &format!("/{path}"), &format!("/openai/{path}"), &format!("/key/{segment}/groq/{path}")]
    {
        the_path(method, path, &query::without_key(query));
    }
    the_query(query);
    the_credential(name, value, query);
});
