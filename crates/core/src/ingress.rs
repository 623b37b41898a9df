//! The path, parsed once into a value. Knows which names are providers; knows nothing of bodies, keys or models.

use crate::selector::Selector;
use http::Method;
use percent_encoding::percent_decode_str;
use std::borrow::Cow;
use std::collections::HashMap;
use wharf_wire::format::Format;

/// What a request line asks for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Ingress {
    /// `/key/{selector}`.
    pub key: Option<Selector>,
    /// `/g/{name}`: this AI Gateway, for this request.
    pub gateway: Option<String>,
    /// The rest of the path.
    pub endpoint: Endpoint,
}

/// Where a path leads.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Endpoint {
    /// `GET /health`
    Health,
    /// `GET /ready`
    Ready,
    /// `/ping`
    Ping,
    /// `GET /status`
    Status,
    /// `GET /v1/models` and its twins; the Anthropic dialect is told by a header, later.
    Models {
        /// Asked under `/v1beta`.
        gemini: bool,
    },
    /// `GET /v1/models/{id}`
    Model {
        /// The id, decoded.
        id: String,
        /// Asked under `/v1beta`.
        gemini: bool,
    },
    /// A model route: the provider comes from a model name.
    Ask {
        /// What is asked.
        ask: Ask,
        /// The model, where the path says it (Gemini).
        model: Option<String>,
    },
    /// `/{provider}/…`
    PassThrough {
        /// Place in the table.
        entry: usize,
        /// The path behind the provider's name, still encoded, with its leading slash.
        rest: String,
    },
    /// `/compat/…`, when a gateway is in force.
    Compat {
        /// From `/compat` on.
        rest: String,
    },
    /// `POST /`, when a gateway is in force.
    Universal,
    /// `GET /admin/keys`
    AdminKeys,
    /// `POST /admin/keys/{id}/reset`
    AdminReset {
        /// The key's label or fingerprint.
        id: String,
    },
    /// `POST /admin/reload`
    AdminReload,
    /// Anything else under `/admin`.
    AdminUnknown,
    /// Not built: a 404 that names the pass-through path.
    Unbuilt {
        /// The path as asked.
        path: String,
    },
    /// The path would climb above a base path.
    Climbs {
        /// Whose, by its place in the table; `None`: the gateway's own.
        entry: Option<usize>,
    },
    /// Nothing is there.
    Unknown,
}

/// What is asked on a model route.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Ask {
    /// OpenAI Chat Completions.
    Chat,
    /// OpenAI Responses.
    Responses,
    /// Anthropic Messages.
    Messages,
    /// Anthropic token counting.
    CountTokens,
    /// A Gemini method: `generateContent`, `streamGenerateContent`, `countTokens`.
    Generate(&'static str),
    /// `/v1/embeddings`
    Embeddings,
    /// `/v1/completions`
    Completions,
    /// `/v1/moderations`
    Moderations,
    /// `/v1/images/{…}`
    Images(String),
    /// `/v1/audio/{…}`
    Audio(String),
    /// `/v1/rerank`
    Rerank,
}

impl Ask {
    /// What is asked, for people.
    pub const fn name(&self) -> &'static str {
        match self {
            Self::Chat => "chat completions",
            Self::Responses => "responses",
            Self::Messages => "messages",
            Self::CountTokens => "counting tokens",
            Self::Generate(verb) => verb,
            Self::Embeddings => "embeddings",
            Self::Completions => "completions",
            Self::Moderations => "moderations",
            Self::Images(_) => "images",
            Self::Audio(_) => "audio",
            Self::Rerank => "rerank",
        }
    }

    /// The dialect that the caller speaks, in bodies and errors.
    pub const fn format(&self) -> Format {
        match self {
            Self::Responses => Format::OpenAiResponses,
            Self::Messages | Self::CountTokens => Format::AnthropicMessages,
            Self::Generate(_) => Format::GeminiGenerate,
            Self::Chat
            | Self::Embeddings
            | Self::Completions
            | Self::Moderations
            | Self::Images(_)
            | Self::Audio(_)
            | Self::Rerank => Format::OpenAiChat,
        }
    }
}

/// Parses a path (without its query). Anything malformed is `Unknown`: authentication comes first, the 404 after it.
pub fn parse(method: &Method, path: &str, names: &HashMap<String, usize>) -> Ingress {
    let unknown = Ingress { key: None, gateway: None, endpoint: Endpoint::Unknown };
    let (mut key, mut gateway, mut rest) = (None, None, path);
    loop {
        if key.is_none()
            && let Some((segment, behind)) = prefix(rest, "/key/")
        {
            let Some(selector) = Selector::parse(segment) else { return unknown };
            (key, rest) = (Some(selector), behind);
        } else if gateway.is_none()
            && let Some((segment, behind)) = prefix(rest, "/g/")
        {
            if !is_gateway_name(segment) {
                return unknown;
            }
            (gateway, rest) = (Some(segment.to_owned()), behind);
        } else {
            return Ingress { key, gateway, endpoint: endpoint(method, rest, names) };
        }
    }
}

/// `/key/2/rest` -> (`2`, `/rest`); the rest is `/` where nothing follows.
fn prefix<'a>(path: &'a str, name: &str) -> Option<(&'a str, &'a str)> {
    let behind = path.strip_prefix(name)?;
    match behind.find('/') {
        Some(at) => Some((&behind[..at], &behind[at..])),
        None => Some((behind, "/")),
    }
}

/// `[A-Za-z0-9_-]{1,64}`
pub fn is_gateway_name(name: &str) -> bool {
    (1..=64).contains(&name.len())
        && name.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'_' || b == b'-')
}

fn endpoint(method: &Method, path: &str, names: &HashMap<String, usize>) -> Endpoint {
    let trimmed = path.strip_suffix('/').unwrap_or(path);
    if let Some(own) = own(method, trimmed) {
        return own;
    }
    if let Some(rest) = path.strip_prefix("/compat").filter(|rest| rest.is_empty() || rest.starts_with('/')) {
        // Above `/compat` is another gateway, perhaps of another account, and our token is on the request.
        return settle_dots(rest).map_or(Endpoint::Climbs { entry: None }, |rest| Endpoint::Compat {
            rest: format!("/compat{rest}"),
        });
    }
    pass_through(path, names).unwrap_or(Endpoint::Unknown)
}

/// Beside the list of keys.
fn admin(method: &Method, path: &str) -> Endpoint {
    let id = path.strip_prefix("/admin/keys/").and_then(|rest| rest.strip_suffix("/reset"));
    match id.filter(|id| *method == Method::POST && !id.is_empty() && !id.contains('/')) {
        Some(id) => Endpoint::AdminReset { id: id.to_owned() },
        None => Endpoint::AdminUnknown,
    }
}

/// Our own paths and the model routes; `None`: perhaps a provider's.
fn own(method: &Method, path: &str) -> Option<Endpoint> {
    let get = matches!(*method, Method::GET | Method::HEAD);
    let found = match path {
        "" if method == Method::POST => Endpoint::Universal,
        "/health" if get => Endpoint::Health,
        "/ready" if get => Endpoint::Ready,
        "/admin/keys" if get => Endpoint::AdminKeys,
        "/admin/reload" if method == Method::POST => Endpoint::AdminReload,
        _ if path == "/admin" || path.starts_with("/admin/") => admin(method, path),
        "/ping" => Endpoint::Ping,
        "/status" if get => Endpoint::Status,
        "/v1/models" | "/models" if get => Endpoint::Models { gemini: false },
        "/v1beta/models" if get => Endpoint::Models { gemini: true },
        _ => return if get { one_model(path) } else { None }.or_else(|| model_route(method, path)),
    };
    Some(found)
}

fn one_model(path: &str) -> Option<Endpoint> {
    for (folder, gemini) in [("/v1/models/", false), ("/models/", false), ("/v1beta/models/", true)] {
        if let Some(id) = path.strip_prefix(folder).filter(|id| !id.is_empty()) {
            return Some(Endpoint::Model { id: decoded(id).into_owned(), gemini });
        }
    }
    None
}

fn model_route(method: &Method, path: &str) -> Option<Endpoint> {
    let post = method == Method::POST;
    let bare = path.strip_prefix("/v1").unwrap_or(path);
    let ask = match (path, bare) {
        (_, "/chat/completions") if post => Ask::Chat,
        (_, "/responses") if post => Ask::Responses,
        ("/v1/messages", _) if post => Ask::Messages,
        ("/v1/messages/count_tokens", _) if post => Ask::CountTokens,
        ("/v1/embeddings", _) if post => Ask::Embeddings,
        ("/v1/completions", _) if post => Ask::Completions,
        ("/v1/moderations", _) if post => Ask::Moderations,
        ("/v1/rerank", _) if post => Ask::Rerank,
        _ if post && let Some(ask) = below_folder(path) => ask,
        _ => return gemini(method, path).or_else(|| unbuilt(path)),
    };
    Some(Endpoint::Ask { ask, model: None })
}

/// `/v1/images/…` and `/v1/audio/…`: what there is behind them is the provider's.
fn below_folder(path: &str) -> Option<Ask> {
    let word = |part: &str| {
        !part.is_empty() && part.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-' || b == b'_')
    };
    let (folder, rest) = path.strip_prefix("/v1/")?.split_once('/')?;
    let rest = rest.split('/').all(word).then(|| rest.to_owned())?;
    match folder {
        "images" => Some(Ask::Images(rest)),
        "audio" => Some(Ask::Audio(rest)),
        _ => None,
    }
}

/// `/v1beta/models/{model}:{method}`, which some SDKs ask for under `/v1`; the model may hold `/` and `:`.
fn gemini(method: &Method, path: &str) -> Option<Endpoint> {
    let named = path.strip_prefix("/v1beta/models/").or_else(|| path.strip_prefix("/v1/models/"))?;
    let (model, verb) = named.rsplit_once(':')?;
    let verb = match verb {
        "generateContent" => "generateContent",
        "streamGenerateContent" => "streamGenerateContent",
        "countTokens" => "countTokens",
        "embedContent" | "batchEmbedContents" => return Some(Endpoint::Unbuilt { path: path.to_owned() }),
        _ => return None,
    };
    let model = decoded(model).into_owned();
    (method == Method::POST).then_some(Endpoint::Ask { ask: Ask::Generate(verb), model: Some(model) })
}

fn unbuilt(path: &str) -> Option<Endpoint> {
    let at =
        |folder: &str| path == folder || path.strip_prefix(folder).is_some_and(|rest| rest.starts_with('/'));
    let known = at("/v1/files") || at("/v1/batches") || path.starts_with("/v1/responses/");
    known.then(|| Endpoint::Unbuilt { path: path.to_owned() })
}

fn pass_through(path: &str, names: &HashMap<String, usize>) -> Option<Endpoint> {
    let (name, rest) = path.strip_prefix('/').map(|p| p.split_at(p.find('/').unwrap_or(p.len())))?;
    let entry = *names.get(name)?;
    if rest.is_empty() {
        return None;
    }
    let climbs = Endpoint::Climbs { entry: Some(entry) };
    Some(settle_dots(rest).map_or(climbs, |rest| Endpoint::PassThrough { entry, rest }))
}

/// True for a path (with its leading slash) that leads above its own root.
pub fn climbs(path: &str) -> bool {
    settle_dots(path).is_none()
}

/// Resolves `.` and `..` (also percent-encoded) below the root; `None` if the path climbs above it,
/// or hides a climb behind an encoded or backward slash.
fn settle_dots(path: &str) -> Option<String> {
    if !path.contains(['.', '\\']) && !path.contains("%2") && !path.contains("%5") {
        return Some(path.to_owned());
    }
    let mut kept: Vec<&str> = Vec::new();
    let mut segments = path.split('/').skip(1).peekable();
    while let Some(segment) = segments.next() {
        let plain = decoded(segment);
        let last = segments.peek().is_none();
        match plain.as_ref() {
            "." if last => kept.push(""),
            "." => {}
            ".." => {
                kept.pop()?;
                if last {
                    kept.push("");
                }
            }
            // `..;x` is `..` to servers that know path parameters, `..#` to those that cut a fragment.
            other if other.split(['/', '\\']).any(|part| part.split([';', '#']).next() == Some("..")) => {
                return None;
            }
            _ => kept.push(segment),
        }
    }
    Some(format!("/{}", kept.join("/")))
}

fn decoded(segment: &str) -> Cow<'_, str> {
    percent_decode_str(segment).decode_utf8_lossy()
}

#[cfg(test)]
#[path = "ingress_tests.rs"]
mod tests;
