//! Recorded provider traffic: loads it, filters it, and plays its answers through the fake upstream.
//! The recordings are no part of this project; their folder is named by the variable `WHARF_FIXTURES`.

use crate::upstream::{Reply, Upstream};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde::Deserialize;
use serde_json::Value;
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

/// One recorded exchange.
#[derive(Clone, Debug, Deserialize)]
pub struct Recording {
    /// Its name.
    pub name: String,
    /// Who answered.
    pub provider: String,
    /// What it shows.
    pub meta: Meta,
    /// What was changed in it after the recording; counts then no longer match bodies.
    #[serde(default)]
    pub modified: Vec<String>,
    /// Why it is only a part: then it has no request, and its framing was rebuilt.
    #[serde(default)]
    pub partial: Option<String>,
    /// The request, if it was recorded.
    pub request: Option<RecordedRequest>,
    /// The answer.
    pub response: RecordedResponse,
    /// The file it came from.
    #[serde(skip)]
    pub file: PathBuf,
}

/// What a recording shows.
#[derive(Clone, Debug, Deserialize)]
pub struct Meta {
    /// Such as `chat`, `messages`, `embeddings`.
    pub endpoint: String,
    /// Such as `stream`, `error`, `tools`.
    #[serde(default)]
    pub features: Vec<String>,
    /// The model, where one was named.
    #[serde(default)]
    pub model: Option<String>,
}

/// A recorded request.
#[derive(Clone, Debug, Deserialize)]
pub struct RecordedRequest {
    /// The method.
    pub method: String,
    /// The whole URL.
    pub url: String,
    /// The headers, names in lower case.
    #[serde(default)]
    pub headers: BTreeMap<String, Value>,
    #[serde(flatten)]
    body: Body,
}

/// A recorded answer.
#[derive(Clone, Debug, Deserialize)]
pub struct RecordedResponse {
    /// The status.
    pub status: u16,
    /// The headers, names in lower case.
    #[serde(default)]
    pub headers: BTreeMap<String, Value>,
    #[serde(flatten)]
    body: Body,
}

#[derive(Clone, Debug, Default, Deserialize)]
struct Body {
    body_json: Option<Value>,
    body_text: Option<String>,
    body_base64: Option<String>,
}

impl Body {
    /// JSON is written anew, members in their recorded order; text and binary are exact.
    fn bytes(&self) -> Vec<u8> {
        if let Some(value) = &self.body_json {
            return value.to_string().into_bytes();
        }
        if let Some(text) = &self.body_text {
            return text.as_bytes().to_vec();
        }
        let decoded =
            self.body_base64.as_ref().map(|text| STANDARD.decode(text).expect("Base64 in a recording"));
        decoded.unwrap_or_default()
    }
}

impl RecordedRequest {
    /// The body's bytes.
    pub fn body(&self) -> Vec<u8> {
        self.body.bytes()
    }

    /// The body as JSON, if it was JSON.
    pub fn json(&self) -> Option<&Value> {
        self.body.body_json.as_ref()
    }

    /// Path and query of the URL.
    pub fn target(&self) -> &str {
        let rest = self.url.split_once("://").map_or(self.url.as_str(), |(_, rest)| rest);
        rest.find('/').map_or("/", |at| &rest[at..])
    }

    /// The headers as pairs; one that was sent twice stands there twice.
    pub fn headers(&self) -> Vec<(String, String)> {
        pairs(&self.headers)
    }
}

impl RecordedResponse {
    /// The body's bytes.
    pub fn body(&self) -> Vec<u8> {
        self.body.bytes()
    }

    /// The body as JSON, if it was JSON.
    pub fn json(&self) -> Option<&Value> {
        self.body.body_json.as_ref()
    }

    /// The headers as pairs.
    pub fn headers(&self) -> Vec<(String, String)> {
        pairs(&self.headers)
    }

    /// The content type, or the likeliest one where the recorder removed it.
    pub fn content_type(&self) -> &str {
        match self.headers.get("content-type").and_then(Value::as_str) {
            Some(named) => named,
            None if self.body.body_json.is_some() => "application/json",
            None if self.body.body_base64.is_some() => "application/octet-stream",
            None => "text/event-stream",
        }
    }
}

impl Recording {
    /// Whether it shows a feature.
    pub fn has(&self, feature: &str) -> bool {
        self.meta.features.iter().any(|known| known == feature)
    }

    /// Whether its bytes are as they were on the wire: complete and unmodified.
    pub fn is_exact(&self) -> bool {
        self.partial.is_none() && self.modified.is_empty()
    }

    /// The recorded answer. A stream goes out in chunks of the given size, anything else in one piece.
    pub fn reply(&self, chunk: usize) -> Reply {
        let body = self.response.body();
        let mut reply = if self.has("stream") {
            Reply::chunked(self.response.status, body.chunks(chunk.max(1)))
        } else {
            Reply::new(self.response.status, body)
        };
        if !self.response.headers.contains_key("content-type") {
            reply = reply.header("content-type", self.response.content_type());
        }
        for (name, value) in self.response.headers() {
            reply = reply.header(&name, &value);
        }
        reply
    }
}

/// The recordings of a folder.
#[derive(Clone, Debug)]
pub struct Replay {
    /// All of them, ordered by file name.
    pub recordings: Vec<Recording>,
}

impl Replay {
    /// The folder that `WHARF_FIXTURES` names; `None` when it is unset, so that a test can say that it did not run.
    pub fn folder() -> Option<PathBuf> {
        std::env::var_os("WHARF_FIXTURES").map(PathBuf::from)
    }

    /// Loads one provider's recordings; none when there is no folder.
    pub fn of(provider: &str) -> Self {
        let recordings = Self::folder().map(|root| load(&root.join(provider))).unwrap_or_default();
        Self { recordings }
    }

    /// Loads every provider's recordings; none when there is no folder.
    pub fn all() -> Self {
        let mut recordings = Vec::new();
        for provider in Self::folder().iter().flat_map(|root| entries(root)) {
            if provider.is_dir() {
                recordings.extend(load(&provider));
            }
        }
        Self { recordings }
    }

    /// Keeps what `keep` says.
    #[must_use]
    pub fn filter(mut self, keep: impl Fn(&Recording) -> bool) -> Self {
        self.recordings.retain(keep);
        self
    }

    /// Keeps one endpoint, streamed or not.
    #[must_use]
    pub fn endpoint(self, endpoint: &str, streamed: bool) -> Self {
        self.filter(|one| one.meta.endpoint == endpoint && one.has("stream") == streamed)
    }

    /// Keeps those with a request and with bytes as they were on the wire.
    #[must_use]
    pub fn exact(self) -> Self {
        self.filter(|one| one.request.is_some() && one.is_exact())
    }

    /// Starts an upstream that answers any request with the recorded answer, streams in chunks of 4 kB.
    pub fn serve(recording: &Recording) -> Upstream {
        let recording = recording.clone();
        Upstream::start(move |_| recording.reply(4096))
    }
}

fn load(folder: &Path) -> Vec<Recording> {
    let files = entries(folder).into_iter().filter(|path| path.extension().is_some_and(|end| end == "json"));
    files.map(|path| read(&path)).collect()
}

fn read(path: &Path) -> Recording {
    let text = std::fs::read(path).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
    let parsed = serde_json::from_slice(&text);
    let recording: Recording = parsed.unwrap_or_else(|error| panic!("{}: {error}", path.display()));
    Recording { file: path.to_path_buf(), ..recording }
}

fn entries(folder: &Path) -> Vec<PathBuf> {
    let listed = std::fs::read_dir(folder).unwrap_or_else(|error| panic!("{}: {error}", folder.display()));
    let mut paths: Vec<PathBuf> = listed.map(|entry| entry.expect("a folder entry").path()).collect();
    paths.sort();
    paths
}

fn pairs(headers: &BTreeMap<String, Value>) -> Vec<(String, String)> {
    let text = |value: &Value| value.as_str().map_or_else(|| value.to_string(), str::to_owned);
    let mut pairs = Vec::new();
    for (name, value) in headers {
        match value {
            Value::Array(values) => pairs.extend(values.iter().map(|one| (name.clone(), text(one)))),
            one => pairs.push((name.clone(), text(one))),
        }
    }
    pairs
}
