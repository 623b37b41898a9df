//! From a recording to what a client of ours would have asked, and to what the upstream must then receive.

use wharf_testkit::replay::Recording;

/// The caller's key.
pub(crate) const CALLER: &str = "caller-key-of-the-replay";

/// A stream's dialect, as far as its end is concerned.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Dialect {
    Chat,
    Responses,
    Messages,
    Gemini,
}

/// A request to the gateway.
pub(crate) struct Question {
    pub(crate) method: String,
    pub(crate) target: String,
    pub(crate) headers: Vec<(String, String)>,
    pub(crate) body: Vec<u8>,
    pub(crate) upstream_body: Vec<u8>,
    /// The upstream target: exactly this, or with this end.
    upstream: Result<String, String>,
    /// Sent on as `application/json`.
    pub(crate) json: bool,
    /// The caller's dialect on a model route; in pass-through none.
    pub(crate) format: Option<Dialect>,
}

impl Question {
    pub(crate) fn fits(&self, target: &str) -> bool {
        match &self.upstream {
            Ok(exact) => exact == target,
            Err(end) => target.ends_with(end.as_str()),
        }
    }
}

/// Routes by the end of the recorded path. Streams of images and audio have no end that all providers share.
const ROUTES: [(&str, &str, Option<Dialect>); 14] = [
    ("/chat/completions", "/v1/chat/completions", Some(Dialect::Chat)),
    ("/responses", "/v1/responses", Some(Dialect::Responses)),
    ("/v1/messages", "/v1/messages", Some(Dialect::Messages)),
    ("/v1/messages/count_tokens", "/v1/messages/count_tokens", Some(Dialect::Messages)),
    ("/embeddings", "/v1/embeddings", Some(Dialect::Chat)),
    ("/completions", "/v1/completions", Some(Dialect::Chat)),
    ("/moderations", "/v1/moderations", Some(Dialect::Chat)),
    ("/images/generations", "/v1/images/generations", None),
    ("/images/edits", "/v1/images/edits", None),
    ("/images/variations", "/v1/images/variations", None),
    ("/audio/speech", "/v1/audio/speech", None),
    ("/audio/transcriptions", "/v1/audio/transcriptions", None),
    ("/audio/translations", "/v1/audio/translations", None),
    ("/rerank", "/v1/rerank", Some(Dialect::Chat)),
];

/// Recorded under a path of the past or of another product: only its end can be compared.
const OTHER_PATHS: [&str; 5] = ["aws-bedrock", "google-vertex-ai", "perplexity-ai", "deepseek", "cohere"];

/// Asked for chat in their own format, whatever the caller's.
const OWN_CHAT: [&str; 3] = ["anthropic", "aws-bedrock", "google-ai-studio"];

/// The question on a model route; `None` where the recording has no route in the same format.
pub(crate) fn by_model(provider: &str, base: &str, recording: &Recording) -> Option<Question> {
    let Some(request) = recording.request.as_ref().filter(|request| !request.body().is_empty()) else {
        return partial(provider, recording);
    };
    let target = without_fragment(request.target());
    let (path, query) = target.split_once('?').unwrap_or((target, ""));
    if request.method != "POST" || path.contains("/deployments/") || path.contains("/engines/") {
        return None;
    }
    if let Some((folder, call)) = path.rsplit_once("/models/")
        && !folder.contains("/anthropic")
        && !folder.contains("<")
        && let Some((model, verb)) = call.rsplit_once(':')
    {
        return gemini(provider, recording, model, verb, query);
    }
    let (end, route, format) =
        ROUTES.iter().filter(|(end, ..)| path.ends_with(end)).max_by_key(|(end, ..)| end.len())?;
    // Azure's older product, and Bedrock's other host.
    let elsewhere = path == "/models/chat/completions" || (provider == "aws-bedrock" && *end == "/responses");
    let translated = OWN_CHAT.contains(&provider) && *end == "/chat/completions";
    if elsewhere || translated || (provider == "cohere" && *end != "/rerank") {
        return None;
    }
    let (body, upstream_body, json) = named_model(provider, recording)?;
    let upstream = if OTHER_PATHS.contains(&provider) || !path.starts_with(base) {
        Err((*end).to_owned())
    } else {
        Ok(target.to_owned())
    };
    Some(Question {
        method: "POST".into(),
        target: with_query(route, query),
        headers: caller_headers(request.headers()),
        body,
        upstream_body,
        upstream,
        json,
        format: *format,
    })
}

/// The question on the provider's own path.
pub(crate) fn by_provider(provider: &str, base: &str, recording: &Recording) -> Question {
    let (method, target, headers, body) = match &recording.request {
        // A fragment never leaves the client that it was written for.
        Some(request) => {
            (&*request.method, without_fragment(request.target()), request.headers(), request.body())
        }
        None => ("POST", "/v1/recorded", Vec::new(), b"{}".to_vec()),
    };
    let (path, query) = target.split_once('?').unwrap_or((target, ""));
    let path = path.replace(['<', '>'], "");
    let one_slash = format!("/{}", path.trim_start_matches('/'));
    let rest = one_slash.strip_prefix(base).filter(|rest| rest.starts_with('/'));
    let version = base.rsplit_once('/').map_or("", |(_, last)| last);
    let rest = rest.or_else(|| {
        let behind =
            one_slash.strip_prefix('/')?.strip_prefix(version).filter(|_| version.starts_with('v'))?;
        behind.starts_with('/').then_some(behind)
    });
    let upstream = format!("{base}{}", rest.unwrap_or(&one_slash));
    let members: Vec<&str> = query.split('&').filter(|one| !one.starts_with("key=")).collect();
    Question {
        method: method.to_owned(),
        target: with_query(&format!("/{provider}{path}"), query),
        headers: caller_headers(headers),
        upstream_body: body.clone(),
        body,
        upstream: Ok(with_query(&upstream, &members.join("&"))),
        json: false,
        format: None,
    }
}

/// A recording of an answer alone: asked for with the least there is.
fn partial(provider: &str, recording: &Recording) -> Option<Question> {
    if recording.request.as_ref().is_some_and(|request| request.method != "POST") {
        return None;
    }
    let model = recording.meta.model.as_deref().unwrap_or("m");
    let streams = recording.has("stream");
    let verb = if streams { "streamGenerateContent" } else { "generateContent" };
    let gemini = format!("/v1beta/models/{provider}/{model}:{verb}");
    let (route, end, format) = match recording.meta.endpoint.as_str() {
        "chat" => ("/v1/chat/completions", "/chat/completions", Dialect::Chat),
        "responses" if provider != "aws-bedrock" => ("/v1/responses", "/responses", Dialect::Responses),
        "messages" => ("/v1/messages", "/messages", Dialect::Messages),
        "generate-content" => (&*gemini, verb, Dialect::Gemini),
        _ => return None,
    };
    let body = |model: &str| match format {
        Dialect::Gemini => b"{}".to_vec(),
        _ => format!(r#"{{"model":"{model}","stream":{streams}}}"#).into_bytes(),
    };
    Some(Question {
        method: "POST".into(),
        target: route.into(),
        headers: caller_headers(Vec::new()),
        body: body(&format!("{provider}/{model}")),
        upstream_body: body(model),
        upstream: Err(end.into()),
        json: true,
        format: Some(format),
    })
}

/// Gemini says the model in the path, and nothing of the body is touched.
fn gemini(provider: &str, recording: &Recording, model: &str, verb: &str, query: &str) -> Option<Question> {
    if !["generateContent", "streamGenerateContent", "countTokens"].contains(&verb) {
        return None;
    }
    let request = recording.request.as_ref()?;
    let members: Vec<&str> = query.split('&').filter(|one| !one.starts_with("key=")).collect();
    let end = with_query(&format!("/{model}:{verb}"), &members.join("&"));
    Some(Question {
        method: "POST".into(),
        target: with_query(&format!("/v1beta/models/{provider}/{model}:{verb}"), query),
        headers: caller_headers(request.headers()),
        body: request.body(),
        upstream_body: request.body(),
        upstream: Err(end),
        json: true,
        format: Some(Dialect::Gemini),
    })
}

/// The body with `provider/` before its model, the body that the upstream must get, and whether it is JSON.
fn named_model(provider: &str, recording: &Recording) -> Option<(Vec<u8>, Vec<u8>, bool)> {
    let request = recording.request.as_ref()?;
    if let Some(value) = request.json() {
        let model = value.get("model")?.as_str()?;
        let mut asked = value.clone();
        asked["model"] = format!("{provider}/{model}").into();
        // Every other body is spread over lines, so that blanks are seen to stay as well.
        let pretty = recording.name.len().is_multiple_of(2);
        let write = |value: &serde_json::Value| if pretty { format!("{value:#}") } else { value.to_string() };
        return Some((write(&asked).into_bytes(), write(value).into_bytes(), true));
    }
    let body = request.body();
    let field = find(&body, b"name=\"model\"")?;
    let value = field + find(&body[field..], b"\r\n\r\n")? + 4;
    let mut asked = body[..value].to_vec();
    asked.extend_from_slice(format!("{provider}/").as_bytes());
    asked.extend_from_slice(&body[value..]);
    Some((asked, body, false))
}

fn without_fragment(target: &str) -> &str {
    target.split('#').next().unwrap_or_default()
}

fn find(text: &[u8], part: &[u8]) -> Option<usize> {
    text.windows(part.len()).position(|window| window == part)
}

fn with_query(path: &str, query: &str) -> String {
    if query.is_empty() { path.to_owned() } else { format!("{path}?{query}") }
}

/// What we read or write ourselves, and never pass on.
pub(crate) fn is_ours(name: &str) -> bool {
    ["authorization", "x-api-key", "x-goog-api-key", "api-key", "host", "content-length"].contains(&name)
}

/// Recorded headers under the caller's own credential.
pub(crate) fn caller_headers(mut headers: Vec<(String, String)>) -> Vec<(String, String)> {
    headers.retain(|(name, _)| !is_ours(name));
    headers.push(("authorization".into(), format!("Bearer {CALLER}")));
    headers
}
