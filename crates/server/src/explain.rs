//! `wharf explain`: runs the real path of a request against a host that writes down what would be sent and sends nothing.

use crate::cli::{Explain, exit};
use crate::clock;
use crate::load::{self, Loaded};
use crate::serve::Failure;
use bytes::Bytes;
use http::{HeaderName, HeaderValue, Method};
use serde_json::{Value, json};
use std::cell::RefCell;
use std::fmt::Write as _;
use std::future::Future;
use std::rc::Rc;
use std::sync::Arc;
use std::{fs, io};
use wharf_core::egress;
use wharf_core::exchange::{Core, Incoming, OutBody};
use wharf_core::headers::Headers;
use wharf_core::headers::is_credential;
use wharf_core::host::{Answer, CollectError, Host, Payload, Scheme, TransportError, UpstreamRequest};
use wharf_core::query;
use wharf_core::record::Record;
use wharf_core::secret::Secret;
use wharf_core::store::pool::Pool;
use wharf_core::store::{Op, Reply, Shard, StoreError};
use wharf_core::table::{Access, Table};
use wharf_core::time::Millis;
use wharf_wire::scan::Arrived;

/// A host on paper.
#[derive(Clone)]
struct Paper {
    table: Arc<Table>,
    calls: Rc<RefCell<Vec<String>>>,
}

impl Host for Paper {
    const HINTS: bool = false;
    const DECODES: &'static [&'static str] = &[];
    const PARALLEL: usize = 1;
    type Body = ();
    type Upload = Bytes;

    fn now(&self) -> Millis {
        clock::wall()
    }

    /// The first key: an explanation should be the same each time.
    fn random(&self) -> u64 {
        0
    }

    async fn send(&self, request: UpstreamRequest<Bytes>) -> Result<Answer<()>, TransportError> {
        self.calls.borrow_mut().push(describe(&self.table, &request));
        Err(TransportError::Connect)
    }

    async fn read(&self, (): &mut ()) -> Result<Option<Bytes>, TransportError> {
        Ok(None)
    }

    async fn collect(&self, upload: &mut Bytes, _: usize) -> Result<Arrived, CollectError> {
        Ok(std::mem::take(upload).into())
    }

    async fn receive(&self, upload: &mut Bytes) -> Result<Option<Bytes>, CollectError> {
        let body = std::mem::take(upload);
        Ok((!body.is_empty()).then_some(body))
    }

    fn whole(&self, upload: &mut Bytes) -> Option<Bytes> {
        Some(std::mem::take(upload))
    }

    async fn sleep(&self, _: Millis) {}

    async fn call(&self, _: &Shard, op: Op) -> Result<Reply, StoreError> {
        Ok(Pool::default().apply(&op))
    }

    fn defer(&self, _: impl Future<Output = ()> + 'static) {}
}

/// Explains one request.
///
/// # Errors
/// A wrong configuration, method or header.
pub fn run(options: &Explain) -> Result<String, Failure> {
    let Loaded { compiled, .. } = load::load(&options.source, false)?;
    let usage = |line: String| Failure::new(exit::USAGE, line);
    let word = options.method.as_deref().unwrap_or("POST").to_uppercase();
    let method = Method::from_bytes(word.as_bytes()).map_err(|_| usage(format!("`{word}` is no method")))?;
    let given = given(options)?;
    let path = match &options.path {
        Some(path) => path.clone(),
        None => looks_like(given.as_ref().map_or(&Value::Null, |(_, body)| body), options.model.as_deref()),
    };
    let headers = headers(&options.headers).map_err(usage)?;
    // Whoever reads the configuration need not prove that they may call.
    let table = Arc::new(Table { access: Access::Open, ..compiled.table });
    let body = body(given, options.model.as_deref(), &path);
    let host = Paper { table: table.clone(), calls: Rc::default() };
    let calls = host.calls.clone();
    let incoming = Incoming {
        method,
        target: path.clone(),
        authority: None,
        headers,
        length: body.as_ref().map(|b| b.len() as u64),
        body,
        place: None,
        ready: true,
    };
    let mut record = Record::default();
    let runtime = crate::serve::runtime().map_err(|e| Failure::new(exit::FAILED, e.to_string()))?;
    let outgoing = runtime.block_on(Core::new(table.clone(), host).serve(incoming, &mut record));
    let mut out = format!("{word} {}\n", without_key(&path));
    let calls = calls.borrow();
    if calls.is_empty() {
        let _ = writeln!(out, "answered here, with {}", outgoing.status);
        if let OutBody::Full(body) = &outgoing.body {
            let _ = writeln!(out, "{}", String::from_utf8_lossy(body));
        }
        return Ok(out);
    }
    // Lists ask every provider.
    if !record.provider.is_empty() {
        let _ = writeln!(out, "provider  {}", record.provider);
        let _ = writeln!(out, "keys      {}", keys(&table, &record.provider));
    }
    if !record.model.is_empty() {
        let _ = writeln!(out, "model     {}", record.model);
    }
    if !record.dropped.is_empty() {
        let _ = writeln!(out, "dropped   {}", record.dropped.join(", "));
    }
    for (at, call) in calls.iter().enumerate() {
        let _ = write!(out, "\ncall {} (no call is made)\n{call}", at + 1);
    }
    Ok(out)
}

/// The body as given in a file, and what it says.
fn given(options: &Explain) -> Result<Option<(Vec<u8>, Value)>, Failure> {
    let Some(file) = &options.body else { return Ok(None) };
    let wrong = |why: String| Failure::new(exit::USAGE, format!("{}: {why}", file.display()));
    let read = match file.as_os_str() == "-" {
        true => io::read_to_string(io::stdin()).map(String::into_bytes),
        false => fs::read(file),
    };
    let read = read.map_err(|e| wrong(e.to_string()))?;
    let body = serde_json::from_slice(&read).map_err(|e| wrong(e.to_string()))?;
    Ok(Some((read, body)))
}

/// The model route whose dialect a body looks like.
fn looks_like(body: &Value, model: Option<&str>) -> String {
    let has = |name: &str| body.get(name).is_some();
    match () {
        () if has("contents") => format!("/v1beta/models/{}:generateContent", model.unwrap_or("default")),
        () if has("query") && has("documents") => "/v1/rerank".into(),
        () if has("input") && (has("encoding_format") || has("dimensions")) => "/v1/embeddings".into(),
        () if has("input") => "/v1/responses".into(),
        () if has("system") || has("stop_sequences") || has("thinking") => "/v1/messages".into(),
        () => "/v1/chat/completions".into(),
    }
}

/// The body: as given, with another model if one was named, or the least that a request in the path's dialect needs.
fn body(given: Option<(Vec<u8>, Value)>, model: Option<&str>, path: &str) -> Option<Bytes> {
    let path = path.split('?').next().unwrap_or_default();
    let body = match (given, model) {
        (Some((_, mut body)), Some(model)) if body.is_object() && !path.contains(":generateContent") => {
            body["model"] = model.into();
            body
        }
        // Not made anew: its numbers and spaces are the caller's.
        (Some((raw, _)), _) => return Some(raw.into()),
        (None, model) => {
            let model = model?;
            let hello = json!([{"role": "user", "content": "Hello"}]);
            match path {
                _ if path.ends_with("/responses") => json!({"model": model, "input": "Hello"}),
                _ if path.ends_with("/messages") => {
                    json!({"model": model, "max_tokens": 1024, "messages": hello})
                }
                _ if path.ends_with("/embeddings") => json!({"model": model, "input": "Hello"}),
                _ => json!({"model": model, "messages": hello}),
            }
        }
    };
    Some(body.to_string().into())
}

/// The target as it was asked, less a credential in it.
fn without_key(target: &str) -> String {
    match target.split_once('?').map(|(path, query)| (path, query::without_key(query))) {
        Some((path, query)) if query.is_empty() => path.to_owned(),
        Some((path, query)) => format!("{path}?{query}"),
        None => target.to_owned(),
    }
}

fn headers(lines: &[String]) -> Result<Headers, String> {
    let mut headers = Headers::new();
    for line in lines {
        let parts = line.split_once(':').and_then(|(name, value)| {
            let name = HeaderName::from_bytes(name.trim().as_bytes()).ok()?;
            Some((name, HeaderValue::from_str(value.trim()).ok()?))
        });
        let Some((name, value)) = parts else { return Err("a --header must be `Name: value`".into()) };
        headers.append(name, value);
    }
    Ok(headers)
}

fn keys(table: &Table, provider: &str) -> String {
    let entry = table.names.get(provider).and_then(|&at| table.entries.get(at));
    let keys = entry.map_or(&[][..], |entry| &entry.pool.keys);
    let how = if table.round_robin { "strict round-robin" } else { "random" };
    let masked: Vec<String> = keys.iter().map(Secret::masked).collect();
    match keys.len() {
        0 => "none".into(),
        1 => masked.join(""),
        n => format!("{n}, {how}; shown with the first: {}", masked.join(" ")),
    }
}

fn describe(table: &Table, request: &UpstreamRequest<Bytes>) -> String {
    let scheme = match request.origin.scheme {
        Scheme::Http => "http",
        Scheme::Https => "https",
    };
    let path = hide(table, &query_hidden(&request.path));
    let mut out = format!("{} {scheme}://{}{path}\n", request.method, request.authority);
    let _ = writeln!(out, "egress: {}", egress::word(&request.egress));
    for (name, value) in request.headers.iter().chain(request.own.iter().map(|(name, value)| (name, value))) {
        let text = value.to_str().unwrap_or("(not text)");
        let secret = value.is_sensitive() || is_credential(name.as_str());
        let shown = if secret { mask(text) } else { hide(table, text) };
        let _ = writeln!(out, "{name}: {shown}");
    }
    if let Payload::Bytes(body) = &request.body {
        let body = body.to_bytes();
        let _ = writeln!(out, "\n{}", hide(table, &String::from_utf8_lossy(&body)));
    }
    out
}

/// `Bearer sk-…` with only the credential masked.
fn mask(text: &str) -> String {
    match text.split_once(' ') {
        Some((scheme, rest)) => format!("{scheme} {}", Secret::new(rest).masked()),
        None => Secret::new(text).masked(),
    }
}

/// Query members that hold a credential in somebody's API; a base URL may have brought one.
const CREDENTIALS: [&str; 11] = [
    "key",
    "api-key",
    "api_key",
    "apikey",
    "token",
    "access_token",
    "accesstoken",
    "auth",
    "authorization",
    "password",
    "secret",
];

/// A target with the values of such members masked.
fn query_hidden(target: &str) -> String {
    let Some((path, query)) = target.split_once('?') else { return target.to_owned() };
    let members = query.split('&').map(|member| match member.split_once('=') {
        Some((name, value)) if CREDENTIALS.iter().any(|known| name.eq_ignore_ascii_case(known)) => {
            format!("{name}={}", Secret::new(value).masked())
        }
        Some(_) | None => member.to_owned(),
    });
    format!("{path}?{}", members.collect::<Vec<_>>().join("&"))
}

/// Masks every key of the table wherever it stands (universal steps carry keys in their bodies).
fn hide(table: &Table, text: &str) -> String {
    let keys = table.entries.iter().flat_map(|entry| &entry.pool.keys).chain(table.gateway.token.iter());
    // A key of a few letters is no secret, and masking it everywhere would leave nothing to read.
    let keys = keys.filter(|key| key.expose().len() >= 6);
    keys.fold(text.to_owned(), |text, key| text.replace(key.expose(), &key.masked()))
}
