//! The conversation: messages of system, user, assistant and tool, in the caller's order. Text files become documents
//! beside it.

use crate::chat::{
    Field, IdRule, Losses, Media, MediaKind, Part, Quirks, Refused, Request, Role, Source, Turn,
};
use crate::chat::{ToolResult, fit_id};
use crate::json::Writer;
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use std::borrow::Cow;

/// Writes `messages`.
pub(super) struct Messages<'w, 'r> {
    pub(super) out: &'w mut Writer,
    pub(super) losses: &'w mut Losses,
    pub(super) quirks: &'w Quirks,
    /// Thoughts may be sent back: only where thinking is asked for, models that don't think refuse them.
    pub(super) thoughts: bool,
    /// Text files: their title and text.
    pub(super) documents: Vec<(Option<&'r str>, Cow<'r, str>)>,
}

impl<'r> Messages<'_, 'r> {
    /// The member. `instruction` is a text of ours.
    pub(super) fn write(
        &mut self,
        request: &'r Request<'_>,
        instruction: Option<&str>,
    ) -> Result<(), Refused> {
        self.out.name("messages").list();
        if let Some(instruction) = instruction {
            self.out.begin().member("role", "system").member("content", instruction).end();
        }
        for turn in &request.turns {
            self.losses.field_if(turn.name.is_some(), Field::Name);
            match turn.role {
                Role::System | Role::Developer => self.said("system", turn)?,
                Role::User => self.said("user", turn)?,
                Role::Assistant => self.assistant(turn)?,
                Role::Tool => {
                    for part in &turn.parts {
                        if let Part::ToolResult(result) = part {
                            self.result(result)?;
                        }
                    }
                }
            }
        }
        self.out.end_list();
        self.documents();
        Ok(())
    }

    /// What the user or the system says: a text, or a list where there is more. Empty messages are refused.
    fn said(&mut self, role: &str, turn: &'r Turn<'_>) -> Result<(), Refused> {
        for part in &turn.parts {
            if let Part::Media(media) = part {
                self.set_aside(media)?;
            }
        }
        let written = |part: &&Part<'_>| match part {
            Part::Text(text) => !text.text.is_empty(),
            Part::Media(media) => is_image(media),
            Part::Refusal(text) | Part::Json(text) => !text.is_empty(),
            Part::Reasoning(_) | Part::ToolCall(_) | Part::ToolResult(_) => false,
        };
        let mut parts = turn.parts.iter().filter(written);
        let Some(first) = parts.next() else { return Ok(()) };
        let second = parts.next();
        self.out.begin().member("role", role).name("content");
        match (first, second) {
            (Part::Text(text), None) => {
                self.out.string(&text.text);
                self.lost_with(first);
            }
            _ => {
                self.out.list();
                for part in [first].into_iter().chain(second).chain(parts) {
                    self.part(part);
                }
                self.out.end_list();
            }
        }
        self.out.end();
        Ok(())
    }

    fn part(&mut self, part: &Part<'_>) {
        self.lost_with(part);
        match part {
            Part::Text(text) => self.text(&text.text),
            Part::Refusal(text) | Part::Json(text) => self.text(text),
            Part::Media(media) => self.image(media),
            Part::Reasoning(_) | Part::ToolCall(_) | Part::ToolResult(_) => {}
        }
    }

    fn text(&mut self, text: &str) {
        self.out.begin().member("type", "text").member("text", text).end();
    }

    fn image(&mut self, media: &Media<'_>) {
        self.out.begin().member("type", "image_url").name("image_url").begin().name("url");
        match &media.source {
            Source::Base64(data) => {
                self.out.strings(&crate::chat::data_url(media.media_type(), data));
            }
            Source::Url(text) | Source::Text(text) | Source::Id(text) => {
                self.out.string(text);
            }
        }
        self.out.member_if("detail", media.detail.as_deref()).end().end();
    }

    /// What hangs on a part and has no place.
    fn lost_with(&mut self, part: &Part<'_>) {
        let (cache, state) = match part {
            Part::Text(text) => {
                self.losses.field_if(!text.citations.is_empty(), Field::Citations);
                (&text.cache, &text.state)
            }
            Part::Media(media) => (&media.cache, &media.state),
            Part::ToolCall(call) => (&call.cache, &call.state),
            Part::Reasoning(_) | Part::ToolResult(_) | Part::Refusal(_) | Part::Json(_) => return,
        };
        self.losses.field_if(cache.is_some(), Field::CacheControl);
        self.losses.field_if(state.is_some(), Field::ReasoningHistory);
    }

    /// Media that are no images by address or data: a text file becomes a document, all else is refused.
    fn set_aside(&mut self, media: &'r Media<'_>) -> Result<(), Refused> {
        if is_image(media) {
            let lost = self.quirks.refuses(Field::Image);
            return if lost { self.losses.cannot(Field::Image, "this model sees no images") } else { Ok(()) };
        }
        if let Some(text) = text_of(media) {
            self.documents.push((media.name.as_deref(), text));
            return Ok(());
        }
        match media.kind {
            MediaKind::Image => {
                self.losses.cannot(Field::Image, "Cohere takes images as data or by web address")
            }
            MediaKind::File => self.losses.cannot(Field::File, "Cohere takes no files but plain text"),
            MediaKind::Audio => self.losses.cannot(Field::Audio, "Cohere takes no recordings"),
            MediaKind::Video => self.losses.cannot(Field::Video, "Cohere takes no films"),
        }
    }

    /// Beside calls no text may stand, only a plan:
    /// <https://docs.cohere.com/v2/docs/tool-use-usage-patterns#state-management>.
    fn assistant(&mut self, turn: &'r Turn<'_>) -> Result<(), Refused> {
        let calls = turn.parts.iter().any(|part| matches!(part, Part::ToolCall(_)));
        for part in &turn.parts {
            if let Part::Media(media) = part {
                if is_image(media) {
                    self.losses.cannot(Field::Image, "Cohere's model says nothing in images")?;
                }
                self.set_aside(media)?;
            }
            self.lost_with(part);
            if let Part::Reasoning(reasoning) = part {
                let kept = calls || self.thoughts;
                let lost = reasoning.state.is_some() || (!kept && !reasoning.text.is_empty());
                self.losses.field_if(lost, Field::ReasoningHistory);
            }
        }
        let thoughts = self.thoughts;
        let written = |part: &Part<'_>| match part {
            Part::Text(text) => !text.text.is_empty(),
            Part::Refusal(text) => !text.is_empty(),
            Part::Reasoning(reasoning) => thoughts && !reasoning.text.is_empty(),
            Part::Media(_) | Part::ToolCall(_) | Part::ToolResult(_) | Part::Json(_) => false,
        };
        if calls {
            self.out.begin().member("role", "assistant");
            self.plan(turn);
            self.calls(turn);
            self.out.end();
        } else if turn.parts.iter().any(written) {
            self.out.begin().member("role", "assistant").name("content");
            match &*turn.parts {
                [Part::Text(text)] => {
                    self.out.string(&text.text);
                }
                parts => {
                    self.out.list();
                    for part in parts.iter().filter(|part| written(part)) {
                        match part {
                            Part::Reasoning(reasoning) => {
                                self.out
                                    .begin()
                                    .member("type", "thinking")
                                    .member("thinking", &reasoning.text);
                                self.out.end();
                            }
                            part => self.part(part),
                        }
                    }
                    self.out.end_list();
                }
            }
            self.out.end();
        }
        Ok(())
    }

    /// What was thought and said before the calls.
    fn plan(&mut self, turn: &Turn<'_>) {
        let said = turn.parts.iter().filter_map(|part| match part {
            Part::Text(text) => Some(&*text.text),
            Part::Reasoning(reasoning) => Some(&*reasoning.text),
            Part::Refusal(text) => Some(&**text),
            Part::Media(_) | Part::ToolCall(_) | Part::ToolResult(_) | Part::Json(_) => None,
        });
        let said: Vec<&str> = said.filter(|text| !text.is_empty()).collect();
        if !said.is_empty() {
            self.out.member("tool_plan", &said.join("\n"));
        }
    }

    fn calls(&mut self, turn: &Turn<'_>) {
        self.out.name("tool_calls").list();
        for part in &turn.parts {
            if let Part::ToolCall(call) = part {
                let id = fit_id(&call.id, self.ids());
                self.out.begin().member("id", &id).member("type", "function");
                self.out.name("function").begin().member("name", &call.name);
                self.out.member("arguments", &call.object()).end().end();
            }
        }
        self.out.end_list();
    }

    const fn ids(&self) -> IdRule {
        self.quirks.ids
    }

    fn result(&mut self, result: &ToolResult<'_>) -> Result<(), Refused> {
        for part in &result.parts {
            self.lost_with(part);
            if let Part::Media(media) = part {
                let (field, why) = match media.kind {
                    MediaKind::Image => (Field::Image, "Cohere's tool results hold no images"),
                    MediaKind::File => (Field::File, "Cohere's tool results hold no files"),
                    MediaKind::Audio => (Field::Audio, "Cohere's tool results hold no recordings"),
                    MediaKind::Video => (Field::Video, "Cohere's tool results hold no films"),
                };
                self.losses.cannot(field, why)?;
            }
        }
        self.losses.field_if(result.is_error, Field::ToolError);
        self.losses.field_if(result.cache.is_some(), Field::CacheControl);
        let id = fit_id(&result.id, self.ids());
        self.out.begin().member("role", "tool").member("tool_call_id", &id);
        self.out.member("content", &result.text()).end();
        Ok(())
    }

    /// <https://docs.cohere.com/v2/docs/retrieval-augmented-generation-rag>
    fn documents(&mut self) {
        if self.documents.is_empty() {
            return;
        }
        self.out.name("documents").list();
        for (title, text) in &self.documents {
            self.out.begin().name("data").begin().member_if("title", *title).member("text", text).end().end();
        }
        self.out.end_list();
    }
}

fn is_image(media: &Media<'_>) -> bool {
    media.kind == MediaKind::Image && matches!(media.source, Source::Base64(_) | Source::Url(_))
}

/// The text of a file that is one.
fn text_of<'r>(media: &'r Media<'_>) -> Option<Cow<'r, str>> {
    match &media.source {
        Source::Text(text) => Some(Cow::Borrowed(text)),
        Source::Base64(data) if media.kind == MediaKind::File && media.media_type().starts_with("text/") => {
            String::from_utf8(STANDARD.decode(&**data).ok()?).ok().map(Cow::Owned)
        }
        Source::Base64(_) | Source::Url(_) | Source::Id(_) => None,
    }
}
