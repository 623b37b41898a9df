//! The hub: any client dialect in, any upstream format out, by way of the neutral model. Knows which format has which
//! side, and nothing of what they look like.
//!
//! `translate/stream.rs` is an answer on its way, event by event; `translate/whole.rs` one that came whole.

mod custom;
mod frames;
mod lost;
pub(crate) mod strangers;
mod stream;
mod whole;

#[cfg(test)]
mod tests;

pub use stream::{Pipe, Progress};
pub use whole::{Whole, gather, whole};

use crate::Format;
use crate::chat::{Event, Failure, Field, Refused, Request, Response, Target, ToolKind, Written, validate};
use crate::json::{self, Invalid, Json};
use crate::{
    anthropic_messages, bedrock_converse, cohere_chat, gemini_generate, ollama_chat, openai_chat,
    openai_responses,
};

/// What a request's path said, for the dialects that say there what others say in the body.
#[derive(Debug, Clone, Copy, Default)]
pub struct Said<'p> {
    /// The model.
    pub model: Option<&'p str>,
    /// The caller wants a stream.
    pub stream: bool,
    /// The caller only wants its tokens counted: no limit of the answer's has to be there.
    pub counting: bool,
}

/// What an answer's writer and reader have to know beside the answer.
#[derive(Debug, Clone, Default)]
pub struct Context {
    /// Our id of the request: in errors, and what ids are made of where the upstream gives none.
    pub request_id: String,
    /// The model's name, where the upstream doesn't say it.
    pub model: String,
    /// Now, in seconds since 1970, where the upstream doesn't say when.
    pub now: u64,
    /// Usage at the end of the stream was asked for, in dialects where it must be.
    pub include_usage: bool,
    /// Gemini without `alt=sse`: the stream is one growing JSON array.
    pub json_array: bool,
    /// Names of custom tools: an upstream that knows functions only calls them as such.
    pub custom_tools: Vec<String>,
    /// Names of groups of tools, see [`Request::namespaces`].
    pub namespaces: Vec<String>,
    /// Names of all tools, where some are grouped: models forget a tool's group.
    pub tools: Vec<String>,
    /// What answers of the dialect repeat of the request, as JSON members without braces; mostly empty.
    pub echo: String,
}

impl Context {
    /// What the request says of its answer.
    #[must_use]
    pub fn of(request: &Request<'_>) -> Self {
        let names = request.tools.iter().filter(|_| !request.namespaces.is_empty());
        let custom = request.tools.iter().filter(|tool| matches!(tool.kind, ToolKind::Custom { .. }));
        Self {
            include_usage: request.include_usage,
            custom_tools: custom.map(|tool| tool.name.to_string()).collect(),
            namespaces: request.namespaces.iter().map(ToString::to_string).collect(),
            tools: names.map(|tool| tool.name.to_string()).collect(),
            echo: request.echo.to_string(),
            ..Self::default()
        }
    }
}

/// The side of a format that clients speak.
pub(crate) trait Client: Sync {
    /// Reads a request. All that has no place in the neutral model goes into its losses.
    fn read_request<'a>(&self, body: Json<'a>, said: &Said<'_>) -> Result<Request<'a>, Invalid>;
    /// The body without the state of other vendors that we wrapped for its caller; `None`: it holds none.
    fn without_strangers(&self, _body: &Json<'_>) -> Option<Vec<u8>> {
        None
    }
    /// What the caller calls a field.
    fn field_name(&self, field: Field) -> &'static str;
    /// The path of the turn with this number in the caller's body: `messages[3]`.
    fn turn_path(&self, at: usize) -> String;
    /// Writes a whole answer.
    fn write_response(&self, response: Response<'_>, context: &Context) -> Vec<u8>;
    /// Writes an answer event by event.
    fn stream_out(&self, context: &Context) -> Box<dyn WriteStream>;
    /// What the dialect's answers have no place for.
    fn unsaid(&self) -> &'static [Field] {
        &[]
    }
    /// Writes an error as a whole body.
    fn write_error(&self, failure: &Failure, request_id: &str) -> Vec<u8>;
}

/// The side of a format that upstreams speak.
pub(crate) trait Upstream: Sync {
    /// Writes a request.
    fn write_request(&self, request: &Request<'_>, target: &Target<'_>) -> Result<Written, Refused>;
    /// Reads a whole answer. An error inside a 200 is a failure.
    fn read_response<'a>(&self, body: &Json<'a>, context: &Context) -> Result<Response<'a>, Failure>;
    /// Reads a streamed answer.
    fn stream_in(&self, context: &Context) -> Box<dyn ReadStream>;
    /// How its stream is cut into events.
    fn framing(&self) -> Framing;
    /// Reads an error answer; `error_type` is what a header said of it (Bedrock).
    fn read_error(&self, status: u16, error_type: Option<&str>, body: &[u8]) -> Failure {
        let mut failure = crate::chat::failure_from(status, body);
        failure.kind = failure.kind.take().or_else(|| error_type.map(str::to_owned));
        failure
    }
}

/// How a stream is cut into events.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Framing {
    /// Server-sent events.
    Sse,
    /// One JSON value per line.
    JsonLines,
    /// AWS's binary frames.
    AwsEventStream,
}

/// Reads a stream's events, framed already.
pub(crate) trait ReadStream {
    /// One event: its name (empty where the framing has none) and its data.
    fn push(&mut self, name: &str, data: &[u8], on: &mut dyn FnMut(Event<'_>)) -> Result<(), Failure>;
    /// The body ended well by HTTP's rules: for formats whose last event can't be told from the others.
    fn finish(&mut self, on: &mut dyn FnMut(Event<'_>));
}

/// Writes a stream's events, framing included.
pub(crate) trait WriteStream {
    /// Appends what this event becomes; often nothing.
    fn push(&mut self, event: Event<'_>, out: &mut Vec<u8>);
}

fn client(format: Format) -> Option<&'static dyn Client> {
    match format {
        Format::OpenAiChat => Some(&openai_chat::OpenAiChat),
        Format::OpenAiResponses => Some(&openai_responses::OpenAiResponses),
        Format::AnthropicMessages => Some(&anthropic_messages::AnthropicMessages),
        Format::GeminiGenerate => Some(&gemini_generate::GeminiGenerate),
        Format::CohereChat | Format::BedrockConverse | Format::OllamaChat => None,
    }
}

fn upstream(format: Format) -> &'static dyn Upstream {
    match format {
        Format::OpenAiChat => &openai_chat::OpenAiChat,
        Format::OpenAiResponses => &openai_responses::OpenAiResponses,
        Format::AnthropicMessages => &anthropic_messages::AnthropicMessages,
        Format::GeminiGenerate => &gemini_generate::GeminiGenerate,
        Format::CohereChat => &cohere_chat::CohereChat,
        Format::BedrockConverse => &bedrock_converse::BedrockConverse,
        Format::OllamaChat => &ollama_chat::OllamaChat,
    }
}

/// Reads a client's request and checks that its calls and results belong together.
///
/// # Errors
/// What is wrong with it, by the path of the field; a format that no client speaks is an error of the whole body.
pub fn read_request<'a>(format: Format, body: &'a [u8], said: &Said<'_>) -> Result<Request<'a>, Invalid> {
    let root = json::Path::ROOT;
    let Some(client) = client(format) else { return Err(root.invalid("no client speaks this format")) };
    let json = json::parse(body)
        .map_err(|error| Invalid { path: json::path_of(body, error.at), reason: error.to_string().into() })?;
    let mut request = client.read_request(json, said)?;
    validate(&mut request.turns).map_err(|(turn, reason)| {
        let at = request.turns.get(turn).map_or(0, |turn| turn.at);
        Invalid { path: client.turn_path(at), reason }
    })?;
    Ok(request)
}

/// A body for a provider of the caller's own dialect without the state of other vendors that we wrapped for the
/// caller; `None`: it can pass as it is. Nearly every body holds no trace of such, and is not read.
#[must_use]
pub fn without_strangers(format: Format, body: &[u8]) -> Option<Vec<u8>> {
    let traces: &[&[u8]] = match format {
        Format::AnthropicMessages => &[b"\"wharf1.", b"\"signature\":\"\"", b"\"signature\": \"\""],
        Format::OpenAiResponses => &[b"\"wharf1."],
        // `wharf1.` in base64.
        Format::GeminiGenerate => &[b"\"d2hhcmYxL"],
        Format::OpenAiChat | Format::CohereChat | Format::BedrockConverse | Format::OllamaChat => &[],
    };
    if !traces.iter().any(|trace| memchr::memmem::find(body, trace).is_some()) {
        return None;
    }
    client(format)?.without_strangers(&json::parse(body).ok()?)
}

/// Writes a request for its target. Losses of reading are among the losses.
///
/// # Errors
/// What the target can't say and must not be left out.
pub fn write_request(format: Format, request: &Request<'_>, target: &Target<'_>) -> Result<Written, Refused> {
    let mut written = upstream(format).write_request(request, target)?;
    let mut losses = request.losses.clone();
    losses.merge(&written.losses);
    written.losses = losses;
    Ok(written)
}

/// What callers of this format call a field.
#[must_use]
pub fn field_name(format: Format, field: Field) -> &'static str {
    client(format).map_or("", |client| client.field_name(field))
}

/// Reads an upstream's error answer and writes it for the client: the failure as it was understood, and the body.
#[must_use]
pub fn read_error(format: Format, status: u16, error_type: Option<&str>, body: &[u8]) -> Failure {
    upstream(format).read_error(status, error_type, body)
}

/// An error as a whole body in the client's dialect.
#[must_use]
pub fn write_error(format: Format, failure: &Failure, request_id: &str) -> Vec<u8> {
    match client(format) {
        Some(client) => client.write_error(failure, request_id),
        None => {
            let code = failure.code.as_deref().unwrap_or("upstream_error");
            crate::error_body(format, failure.status, code, &failure.message, None, request_id)
        }
    }
}
