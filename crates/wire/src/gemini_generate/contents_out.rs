//! The conversation as Gemini takes it: `systemInstruction` and `contents` of user and model in turn.
//! <https://ai.google.dev/api/caching#Content>

use super::{signature, types};
use crate::chat::{
    Field, Losses, Media, Part, Quirks, Reasoning, Refused, Request, Role, Source, Text, ToolCall,
    ToolResult, groups,
};
use crate::chat::{Group, ImageUrls};
use crate::json::Writer;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use std::borrow::Cow;

/// What the user says where the model speaks first.
const CONTINUE: &str = "Continue.";

/// About how many bytes the body will have: media are big, and a buffer that grows copies them.
pub(super) fn size(request: &Request<'_>) -> usize {
    let parts = request.turns.iter().flat_map(|turn| &turn.parts);
    1024 + parts.map(part_size).sum::<usize>()
}

fn part_size(part: &Part<'_>) -> usize {
    64 + match part {
        Part::Text(text) => text.text.len() + text.text.len() / 16,
        Part::Media(media) => match &media.source {
            Source::Base64(data) => data.len(),
            Source::Text(text) => text.len() * 2,
            Source::Url(_) | Source::Id(_) => 64,
        },
        Part::Reasoning(reasoning) => reasoning.state.as_ref().map_or(0, |state| state.data.len()),
        Part::ToolCall(call) => {
            call.arguments.len() + call.state.as_ref().map_or(0, |state| state.data.len())
        }
        Part::ToolResult(result) => result.parts.iter().map(part_size).sum(),
        Part::Refusal(text) | Part::Json(text) => text.len(),
    }
}

/// Writes `systemInstruction` and `contents`.
pub(super) fn write(
    request: &Request<'_>,
    quirks: &Quirks,
    out: &mut Writer,
    losses: &mut Losses,
) -> Result<(), Refused> {
    let mut writer = Contents { quirks, out, losses };
    of_turns(request, writer.losses)?;
    let groups = writer.said(request);
    let system: Vec<_> = request.system().filter(|text| !text.text.is_empty()).collect();
    if !groups.is_empty() && !system.is_empty() {
        writer.out.name("systemInstruction").begin().name("parts").list();
        system.iter().for_each(|text| writer.text(text));
        writer.out.end_list().end();
    }
    writer.out.name("contents").list();
    if groups.is_empty() {
        // Contents must not be empty: what the operator says is all there is to answer.
        writer.user(&system);
    } else if groups.first().is_some_and(|group| group.role == Role::Assistant) {
        // The user must speak first: a call before that is refused.
        writer.user(&[&Text { text: Cow::Borrowed(CONTINUE), ..Text::default() }]);
    }
    for group in &groups {
        writer.group(group)?;
    }
    writer.out.end_list();
    Ok(())
}

fn of_turns(request: &Request<'_>, losses: &mut Losses) -> Result<(), Refused> {
    losses.field_if(request.turns.iter().any(|turn| turn.name.is_some()), Field::Name);
    let system = request.turns.iter().filter(|turn| matches!(turn.role, Role::System | Role::Developer));
    for part in system.flat_map(|turn| &turn.parts) {
        if let Part::Media(media) = part {
            losses.cannot(types::media_field(media.kind), "Gemini's system instruction is text only")?;
        }
    }
    Ok(())
}

/// This part becomes something: empty parts and empty contents are refused.
fn writes(part: &Part<'_>) -> bool {
    match part {
        Part::Text(text) => !text.text.is_empty() || signature::own(text.state.as_ref()).is_some(),
        Part::Reasoning(reasoning) => signature::own(reasoning.state.as_ref()).is_some(),
        Part::Refusal(text) | Part::Json(text) => !text.is_empty(),
        Part::Media(_) | Part::ToolCall(_) | Part::ToolResult(_) => true,
    }
}

struct Contents<'w> {
    quirks: &'w Quirks,
    out: &'w mut Writer,
    losses: &'w mut Losses,
}

impl Contents<'_> {
    /// What of the conversation can be said. A turn of which nothing is left goes, and those around it become one.
    fn said<'r, 'a>(&mut self, request: &'r Request<'a>) -> Vec<Group<'r, 'a>> {
        let mut kept: Vec<Group<'r, 'a>> = Vec::new();
        for group in groups(&request.turns) {
            group.parts.iter().for_each(|part| self.note(part));
            if !group.parts.iter().any(|part| writes(part)) {
                continue;
            }
            match kept.last_mut() {
                Some(last) if last.role == group.role => last.parts.extend(group.parts),
                _ => kept.push(group),
            }
        }
        kept
    }

    /// A content of texts alone, if there are any.
    fn user(&mut self, texts: &[&Text<'_>]) {
        if !texts.is_empty() {
            self.out.begin().member("role", "user").name("parts").list();
            texts.iter().for_each(|text| self.text(text));
            self.out.end_list().end();
        }
    }

    fn group(&mut self, group: &Group<'_, '_>) -> Result<(), Refused> {
        let role = if group.role == Role::Assistant { "model" } else { "user" };
        self.out.begin().member("role", role).name("parts").list();
        let mut called = false;
        for part in &group.parts {
            match part {
                Part::Text(text) => self.text(text),
                Part::Refusal(text) | Part::Json(text) => {
                    self.text(&Text { text: Cow::Borrowed(text), ..Text::default() })
                }
                Part::Media(media) => self.media(media)?,
                Part::Reasoning(reasoning) => self.reasoning(reasoning),
                Part::ToolCall(call) => {
                    self.call(call, !called);
                    called = true;
                }
                Part::ToolResult(result) => self.result(result)?,
            }
        }
        if !self.quirks.result_media {
            self.media_of_results(group)?;
        }
        self.out.end_list().end();
        Ok(())
    }

    /// What of a part has no place.
    fn note(&mut self, part: &Part<'_>) {
        let (cache, state, citations) = match part {
            Part::Text(text) => (&text.cache, &text.state, !text.citations.is_empty()),
            Part::Media(media) => (&media.cache, &media.state, false),
            Part::ToolCall(call) => (&call.cache, &call.state, false),
            Part::ToolResult(result) => (&result.cache, &None, false),
            Part::Reasoning(reasoning) => {
                let lost = signature::own(reasoning.state.as_ref()).is_none();
                self.losses.field_if(lost, Field::ReasoningHistory);
                return;
            }
            Part::Refusal(_) | Part::Json(_) => return,
        };
        let foreign = state.is_some() && signature::own(state.as_ref()).is_none();
        self.losses.field_if(foreign, Field::ReasoningHistory);
        self.losses.field_if(cache.is_some(), Field::CacheControl);
        self.losses.field_if(citations, Field::Citations);
    }

    fn text(&mut self, text: &Text<'_>) {
        let state = signature::own(text.state.as_ref());
        if !text.text.is_empty() || state.is_some() {
            self.out.begin().member("text", &text.text).member_if("thoughtSignature", state).end();
        }
    }

    /// Only what Gemini signed itself goes back to it.
    fn reasoning(&mut self, reasoning: &Reasoning<'_>) {
        if let Some(state) = signature::own(reasoning.state.as_ref()) {
            self.out.begin().member("text", &reasoning.text).name("thought").bool(true);
            self.out.member("thoughtSignature", state).end();
        }
    }

    fn call(&mut self, call: &ToolCall<'_>, first: bool) {
        let own = signature::own(call.state.as_ref());
        // Of calls beside each other only the first is signed.
        let state = own.or(self.quirks.call_signature.filter(|_| first));
        self.out.begin().name("functionCall").begin();
        if self.quirks.call_ids {
            self.out.member("id", &call.id);
        }
        self.out.member("name", &call.name).name("args").raw(&call.object()).end();
        self.out.member_if("thoughtSignature", state).end();
    }

    /// The answer must be an object: <https://ai.google.dev/api/caching#FunctionResponse>.
    fn result(&mut self, result: &ToolResult<'_>) -> Result<(), Refused> {
        self.out.begin().name("functionResponse").begin();
        if self.quirks.call_ids {
            self.out.member("id", &result.id);
        }
        let name = result.name.as_deref().filter(|name| !name.is_empty()).unwrap_or(&result.id);
        self.out.member("name", name).name("response");
        let said = |part: &&Part<'_>| matches!(part, Part::Text(_) | Part::Json(_) | Part::Refusal(_));
        let mut all = result.parts.iter().filter(said);
        let key = if result.is_error { "error" } else { "output" };
        match (all.next(), all.next()) {
            (Some(Part::Json(json)), None) if json.starts_with('{') && !result.is_error => {
                self.out.raw(json);
            }
            (Some(Part::Json(json)), None) => {
                self.out.begin().name(key).raw(json).end();
            }
            _ => {
                self.out.begin().member(key, &result.text()).end();
            }
        }
        if self.quirks.result_media && media_in(result).next().is_some() {
            self.out.name("parts").list();
            for media in media_in(result) {
                self.media(media)?;
            }
            self.out.end_list();
        }
        self.out.end().end();
        Ok(())
    }

    /// Media of results behind all results, each with a word on whose they are.
    fn media_of_results(&mut self, group: &Group<'_, '_>) -> Result<(), Refused> {
        for part in &group.parts {
            let Part::ToolResult(result) = part else { continue };
            let name = result.name.as_deref().unwrap_or(&result.id);
            if media_in(result).next().is_some() {
                self.out.begin().name("text").strings(&["What the tool ", name, " answered:"]).end();
            }
            for media in media_in(result) {
                self.media(media)?;
            }
        }
        Ok(())
    }

    fn media(&mut self, media: &Media<'_>) -> Result<(), Refused> {
        let field = types::media_field(media.kind);
        let detail = media.detail.as_deref().is_some_and(|detail| detail != "auto");
        self.losses.field_if(detail, Field::Detail);
        if self.quirks.refuses(field) {
            return self.losses.cannot(field, "this model takes no such media");
        }
        let state = signature::own(media.state.as_ref());
        match &media.source {
            Source::Base64(data) => {
                self.out.begin().name("inlineData").begin().member("mimeType", media.media_type());
                self.out.member("data", data).end().member_if("thoughtSignature", state).end();
            }
            Source::Text(text) => {
                self.out.begin().name("inlineData").begin().member("mimeType", media.media_type());
                self.out.member("data", &STANDARD.encode(text.as_bytes())).end();
                self.out.member_if("thoughtSignature", state).end();
            }
            Source::Url(url) => {
                if self.quirks.image_urls == ImageUrls::DataOnly && !at_google(url) {
                    return Err(Refused {
                        field,
                        reason: "Gemini takes the bytes of media, not their address".into(),
                        fetch: Some(url.to_string()),
                    });
                }
                self.file(media, url, state);
            }
            Source::Id(id) if at_google(id) => self.file(media, id, state),
            Source::Id(_) => {
                return Err(Refused {
                    field,
                    reason: "an id means something to the vendor that gave it only".into(),
                    fetch: None,
                });
            }
        }
        Ok(())
    }

    fn file(&mut self, media: &Media<'_>, uri: &str, state: Option<&str>) {
        self.out.begin().name("fileData").begin().member("mimeType", media.media_type());
        self.out.member("fileUri", uri).end().member_if("thoughtSignature", state).end();
    }
}

fn media_in<'r, 'a>(result: &'r ToolResult<'a>) -> impl Iterator<Item = &'r Media<'a>> {
    result.parts.iter().filter_map(|part| match part {
        Part::Media(media) => Some(media),
        _ => None,
    })
}

/// Addresses that Google reads itself: its stores, and films on YouTube.
/// <https://ai.google.dev/gemini-api/docs/video-understanding#youtube>
fn at_google(uri: &str) -> bool {
    const STARTS: [&str; 5] = [
        "gs://",
        "https://generativelanguage.googleapis.com/",
        "https://www.youtube.com/",
        "https://youtube.com/",
        "https://youtu.be/",
    ];
    STARTS.iter().any(|start| uri.starts_with(start))
}
