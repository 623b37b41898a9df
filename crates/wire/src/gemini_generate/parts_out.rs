//! The pieces of an answer as a client of this dialect gets them, whole or in chunks.

use super::{signature, types};
use crate::chat::{Citation, Finish, Media, Source, State, TokenLogprob, arguments_object};
use crate::json::{Json, Writer, parse_lossy};
use std::borrow::Cow;

/// Text, or a thought.
pub(super) fn text(text: &str, thought: bool, state: Option<&State<'_>>, out: &mut Writer) {
    out.begin().member("text", text);
    if thought {
        out.name("thought").bool(true);
    }
    sign(state, out);
    out.end();
}

/// A call, its arguments on one line: an event can't hold line ends.
pub(super) fn call(id: &str, name: &str, arguments: &str, state: Option<&State<'_>>, out: &mut Writer) {
    let arguments = arguments_object(arguments);
    out.begin().name("functionCall").begin().member("id", id).member("name", name);
    out.name("args");
    if arguments.contains(['\n', '\r']) {
        match parse_lossy(arguments.as_bytes()) {
            Ok(json) => on_one_line(&json, out),
            Err(_) => {
                out.raw("{}");
            }
        }
    } else {
        out.raw(&arguments);
    }
    out.end();
    sign(state, out);
    out.end();
}

fn on_one_line(json: &Json<'_>, out: &mut Writer) {
    match json {
        Json::Object(object) => {
            out.begin();
            for (name, value) in &object.members {
                out.name(name);
                on_one_line(value, out);
            }
            out.end();
        }
        Json::Array(array) => {
            out.list();
            array.items.iter().for_each(|item| on_one_line(item, out));
            out.end_list();
        }
        other => {
            out.json(other);
        }
    }
}

/// An image or a recording.
pub(super) fn media(media: &Media<'_>, out: &mut Writer) {
    out.begin();
    let (name, data, value): (_, _, Cow<'_, str>) = match &media.source {
        Source::Base64(data) => ("inlineData", "data", Cow::Borrowed(data)),
        Source::Url(uri) | Source::Id(uri) => ("fileData", "fileUri", Cow::Borrowed(uri)),
        Source::Text(text) => {
            use base64::Engine as _;
            let data = base64::engine::general_purpose::STANDARD.encode(text.as_bytes());
            ("inlineData", "data", Cow::Owned(data))
        }
    };
    out.name(name).begin().member("mimeType", media.media_type()).member(data, &value).end();
    sign(media.state.as_ref(), out);
    out.end();
}

fn sign(state: Option<&State<'_>>, out: &mut Writer) {
    if let Some(state) = state {
        out.member("thoughtSignature", &signature::slot(state));
    }
}

/// `finishReason`.
pub(super) fn finish(finish: Finish, out: &mut Writer) {
    out.member("finishReason", types::finish_word(finish));
}

/// `logprobsResult`.
pub(super) fn logprobs(tokens: &[TokenLogprob<'_>], out: &mut Writer) {
    let one = |token: &TokenLogprob<'_>, out: &mut Writer| {
        out.begin().member("token", &token.token).name("logProbability").float(token.logprob).end();
    };
    out.name("logprobsResult").begin().name("topCandidates").list();
    for token in tokens {
        out.begin().name("candidates").list();
        token.top.iter().for_each(|likely| one(likely, out));
        out.end_list().end();
    }
    out.end_list().name("chosenCandidates").list();
    tokens.iter().for_each(|token| one(token, out));
    out.end_list().end();
}

/// `groundingMetadata`. Its offsets are bytes: those in characters become such where the text is known.
pub(super) fn grounding(citations: &[Citation<'_>], said: Option<&str>, out: &mut Writer) {
    if citations.is_empty() {
        return;
    }
    out.name("groundingMetadata").begin().name("groundingChunks").list();
    for citation in citations {
        out.begin().name("web").begin().member_if("uri", citation.url.as_deref());
        out.member_if("title", citation.title.as_deref()).end().end();
    }
    out.end_list().name("groundingSupports").list();
    let offsets = said.map(Offsets::new);
    for (number, citation) in citations.iter().enumerate() {
        let place = |character: Option<u64>| offsets.as_ref()?.byte(character?);
        out.begin().name("segment").begin().number_if("startIndex", place(citation.start));
        out.number_if("endIndex", place(citation.end)).member_if("text", citation.cited.as_deref());
        out.end().name("groundingChunkIndices").list().number(number as u64).end_list().end();
    }
    out.end_list().end();
}

/// From characters to bytes.
struct Offsets {
    /// `None`: the text is ASCII.
    starts: Option<Vec<usize>>,
    length: usize,
}

impl Offsets {
    fn new(text: &str) -> Self {
        let starts = (!text.is_ascii()).then(|| text.char_indices().map(|(at, _)| at).collect());
        Self { starts, length: text.len() }
    }

    fn byte(&self, character: u64) -> Option<u64> {
        let character = usize::try_from(character).ok()?;
        let byte = match &self.starts {
            None => character,
            Some(starts) if character >= starts.len() => self.length,
            Some(starts) => *starts.get(character)?,
        };
        Some(byte.min(self.length) as u64)
    }
}
