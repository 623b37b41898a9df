//! Reads an answer, chunk by chunk; a whole answer is a stream of one chunk.
//! <https://ai.google.dev/api/generate-content#GenerateContentResponse>

use super::{citations_in, partial::Partial, signature, types};
use crate::Usage;
use crate::chat::{
    Bind, Blocks, Event, Failure, Finish, Media, Source, State, TokenLogprob, failure_from, mint_id,
};
use crate::json::{Json, parse_lossy};
use crate::translate::{Context, ReadStream};
use std::borrow::Cow;

type On<'o> = &'o mut dyn FnMut(Event<'_>);

/// Reads chunks.
pub(super) struct Reader {
    /// What ids of calls are made of: the answer's own id, else the request's.
    id: String,
    started: bool,
    blocks: Blocks,
    calls: u64,
    choices: Vec<Choice>,
    usage: Usage,
    tier: bool,
    failed: bool,
}

/// What has to be known of a candidate between chunks.
#[derive(Default)]
struct Choice {
    index: u32,
    /// Told in one chunk, but more may follow: handed on at the end.
    finish: Option<Finish>,
    /// The text so far was ASCII: offsets in bytes are offsets in characters.
    ascii: bool,
    /// A call whose arguments come in pieces.
    partial: Option<(u64, Partial)>,
}

impl Reader {
    pub(super) fn new(context: &Context) -> Self {
        Self {
            id: context.request_id.clone(),
            started: false,
            blocks: Blocks::default(),
            calls: 0,
            choices: Vec::new(),
            usage: Usage::default(),
            tier: false,
            failed: false,
        }
    }

    /// One chunk, or a list of them as Gemini sends it without `alt=sse`.
    pub(super) fn chunk(&mut self, json: &Json<'_>, on: On<'_>) {
        if let Json::Array(array) = json {
            for chunk in &array.items {
                self.one(chunk, on);
            }
        } else {
            self.one(json, on);
        }
    }

    fn one(&mut self, json: &Json<'_>, on: On<'_>) {
        if self.failed {
            return;
        }
        if json.get("error").is_some() {
            self.failed = true;
            on(Event::Error(failure_from(0, json.raw().as_bytes())));
            return;
        }
        self.start(json, on);
        let candidates = json.get("candidates").map_or(&[][..], Json::items);
        for (place, candidate) in candidates.iter().enumerate() {
            let index = candidate.get("index").and_then(Json::number).unwrap_or(place as u64);
            self.candidate(u32::try_from(index).unwrap_or(u32::MAX), candidate, on);
        }
        // The prompt itself was refused: <https://ai.google.dev/api/generate-content#BlockReason>.
        if candidates.is_empty() && json.at(&["promptFeedback", "blockReason"]).is_some() {
            self.choice(0).finish = Some(Finish::ContentFilter);
        }
        self.usage(json, on);
    }

    fn start(&mut self, json: &Json<'_>, on: On<'_>) {
        if std::mem::replace(&mut self.started, true) {
            return;
        }
        let id = json.get("responseId").and_then(Json::cow).filter(|id| !id.is_empty());
        if let Some(id) = &id {
            self.id = id.to_string();
        }
        on(Event::Start { id, model: json.get("modelVersion").and_then(Json::cow), created: None });
    }

    fn choice(&mut self, index: u32) -> &mut Choice {
        let at = self.choices.iter().position(|choice| choice.index == index).unwrap_or_else(|| {
            self.choices.push(Choice { index, ascii: true, ..Choice::default() });
            self.choices.len() - 1
        });
        &mut self.choices[at]
    }

    fn usage(&mut self, json: &Json<'_>, on: On<'_>) {
        let Some(usage) = json.get("usageMetadata") else { return };
        // Every chunk counts all there is so far, and its total is the sum of its own counters: they are read apart.
        // Some say nothing yet but what kind of traffic it is.
        let now = Usage::read(usage.raw().as_bytes());
        if now != self.usage && !now.is_unknown() {
            self.usage = now;
            on(Event::Usage(now));
        }
        if let Some(tier) = usage.get("serviceTier").and_then(Json::text).and_then(types::read_tier)
            && !std::mem::replace(&mut self.tier, true)
        {
            on(Event::Tier(Cow::Owned(tier)));
        }
    }

    fn candidate(&mut self, index: u32, candidate: &Json<'_>, on: On<'_>) {
        self.choice(index);
        let parts = candidate.at(&["content", "parts"]).map_or(&[][..], Json::items);
        let said = |part: &Json<'_>| part.get("text").is_some() && !thinks(part);
        let last_text = parts.iter().rposition(said);
        let mut sources = citations_in::read(candidate);
        for (place, part) in parts.iter().enumerate() {
            let state = state_of(part);
            if let Some(call) = either(part, "functionCall", "function_call") {
                self.call(index, call, state, on);
            } else if let Some(media) = media_of(part) {
                self.blocks.end_text(index, None, on);
                self.blocks.end_reasoning(index, None, on);
                let state = state.map(|state| State { bind: Bind::Text, ..state });
                on(Event::Media(index, Media { state, ..media }));
            } else if thinks(part) {
                let text = part.get("text").and_then(Json::cow).unwrap_or_default();
                self.blocks.reasoning(index, true, text, on);
                if state.is_some() {
                    self.blocks.end_reasoning(index, state, on);
                }
            } else if part.get("text").is_some() || (state.is_some() && part.members().len() == 1) {
                self.text(index, part.get("text").and_then(Json::cow).unwrap_or_default(), on);
                // Sources hang on the text, so they go before its end.
                if last_text == Some(place) {
                    self.cite(index, std::mem::take(&mut sources), on);
                }
                if state.is_some() {
                    self.blocks.end_text(index, state, on);
                }
            }
            // Code that Google ran, its searches and what they found are the vendor's own business.
        }
        self.cite(index, sources, on);
        if let Some(tokens) =
            candidate.get("logprobsResult").map(logprobs).filter(|tokens| !tokens.is_empty())
        {
            on(Event::Logprobs(index, tokens));
        }
        if let Some(finish) = candidate.get("finishReason").and_then(types::read_finish) {
            self.choice(index).finish = Some(finish);
        }
    }

    fn text(&mut self, index: u32, text: Cow<'_, str>, on: On<'_>) {
        let choice = self.choice(index);
        choice.ascii = choice.ascii && text.is_ascii();
        if !text.is_empty() {
            self.end_partial(index, on);
        }
        self.blocks.text(index, text, on);
    }

    fn cite(&mut self, index: u32, sources: Vec<citations_in::Source<'_>>, on: On<'_>) {
        if sources.is_empty() {
            return;
        }
        let ascii = self.choice(index).ascii;
        let slot = self.blocks.text_slot(index, on);
        sources.into_iter().for_each(|source| on(Event::Citation(slot, source.citation(ascii))));
    }

    /// A call comes whole, or on Vertex in pieces: first its name, then pieces of arguments, then an empty call.
    /// <https://docs.cloud.google.com/vertex-ai/generative-ai/docs/multimodal/function-calling#streaming-fc>
    fn call(&mut self, index: u32, call: &Json<'_>, state: Option<State<'_>>, on: On<'_>) {
        let goes_on = either(call, "willContinue", "will_continue").and_then(Json::bool) == Some(true);
        let pieces = either(call, "partialArgs", "partial_args").map_or(&[][..], Json::items);
        if let Some(name) = call.get("name").and_then(Json::cow).filter(|name| !name.is_empty()) {
            self.end_partial(index, on);
            let key = self.calls;
            self.calls += 1;
            let id = call.get("id").and_then(Json::cow).filter(|id| !id.is_empty());
            let id = id
                .unwrap_or_else(|| Cow::Owned(mint_id(&self.id, usize::try_from(key).unwrap_or(usize::MAX))));
            let state = state.map(|state| State { bind: Bind::Call, ..state });
            self.blocks.tool(index, key, id, name, false, state, on);
            let arguments = call.get("args").filter(|args| matches!(args, Json::Object(_)));
            if !goes_on && pieces.is_empty() {
                if let Some(arguments) = arguments {
                    self.blocks.tool_delta(index, key, arguments.raw(), on);
                }
                self.blocks.end_tool(index, key, on);
                return;
            }
            self.choice(index).partial = Some((key, Partial::new(arguments)));
        }
        if let Some((_, partial)) = &mut self.choice(index).partial {
            pieces.iter().for_each(|piece| partial.push(piece));
        }
        if !goes_on {
            self.end_partial(index, on);
        }
    }

    fn end_partial(&mut self, index: u32, on: On<'_>) {
        if let Some((key, partial)) = self.choice(index).partial.take() {
            if let Some(arguments) = partial.json() {
                self.blocks.tool_delta(index, key, Cow::Owned(arguments), on);
            }
            self.blocks.end_tool(index, key, on);
        }
    }

    /// The answer came to its end by HTTP's rules; with `whole` that is enough.
    pub(super) fn end(&mut self, whole: bool, on: On<'_>) {
        if self.failed || !self.started {
            return;
        }
        if whole && self.choices.is_empty() {
            self.choice(0);
        }
        let complete = whole || self.choices.iter().any(|choice| choice.finish.is_some());
        if !complete {
            return;
        }
        for at in 0..self.choices.len() {
            let Some((index, finish)) = self.choices.get(at).map(|choice| (choice.index, choice.finish))
            else {
                continue;
            };
            self.end_partial(index, on);
            self.blocks.finish(index, finish.unwrap_or_default(), None, on);
        }
        on(Event::Done);
    }
}

impl ReadStream for Reader {
    fn push(&mut self, _name: &str, data: &[u8], on: On<'_>) -> Result<(), Failure> {
        // Proxies in between may add OpenAI's last word.
        if data.trim_ascii() == b"[DONE]" {
            return Ok(());
        }
        let json = parse_lossy(data).map_err(Failure::malformed)?;
        self.chunk(&json, on);
        Ok(())
    }

    fn finish(&mut self, on: On<'_>) {
        self.end(false, on);
    }
}

fn either<'j, 'a>(json: &'j Json<'a>, camel: &str, snake: &str) -> Option<&'j Json<'a>> {
    json.get(camel).or_else(|| json.get(snake))
}

fn thinks(part: &Json<'_>) -> bool {
    part.get("thought").and_then(Json::bool) == Some(true)
}

/// The state on a part, bound to what the part is.
fn state_of<'a>(part: &Json<'a>) -> Option<State<'a>> {
    let bind = if thinks(part) { Bind::Reasoning } else { Bind::Text };
    signature::read(either(part, "thoughtSignature", "thought_signature")?.cow()?, bind)
}

fn media_of<'a>(part: &Json<'a>) -> Option<Media<'a>> {
    let (blob, place) = match either(part, "inlineData", "inline_data") {
        Some(blob) => (blob, blob.get("data").and_then(Json::cow).map(Source::Base64)),
        None => {
            let file = either(part, "fileData", "file_data")?;
            (file, either(file, "fileUri", "file_uri").and_then(Json::cow).map(Source::Url))
        }
    };
    let media_type = either(blob, "mimeType", "mime_type").and_then(Json::cow);
    let kind = types::media_kind(media_type.as_deref().unwrap_or_default());
    Some(Media { media_type, ..Media::new(kind, place?) })
}

/// <https://ai.google.dev/api/generate-content#LogprobsResult>
fn logprobs<'a>(result: &Json<'a>) -> Vec<TokenLogprob<'a>> {
    let one = |token: &Json<'a>| {
        Some(TokenLogprob {
            token: token.get("token")?.cow()?,
            logprob: token.get("logProbability").and_then(Json::float).unwrap_or(0.0),
            bytes: None,
            top: Vec::new(),
        })
    };
    let chosen = result.get("chosenCandidates").map_or(&[][..], Json::items);
    let top = result.get("topCandidates").map_or(&[][..], Json::items);
    let tokens = chosen.iter().enumerate().filter_map(|(place, token)| {
        let likely = top.get(place).and_then(|top| top.get("candidates")).map_or(&[][..], Json::items);
        Some(TokenLogprob { top: likely.iter().filter_map(one).collect(), ..one(token)? })
    });
    tokens.collect()
}
