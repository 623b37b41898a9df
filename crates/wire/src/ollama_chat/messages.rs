//! The conversation. The text of a message is one string; its images stand beside it, in base64 without a prefix.

use crate::chat::{
    Field, Losses, Media, MediaKind, Part, Refused, Request, Role, Source, ToolCall, ToolResult, Turn,
};
use crate::json::Writer;
use std::borrow::Cow;

/// Writes `messages`.
pub(super) struct Messages<'w> {
    pub(super) out: &'w mut Writer,
    pub(super) losses: &'w mut Losses,
}

impl Messages<'_> {
    /// The member.
    pub(super) fn write(&mut self, request: &Request<'_>) -> Result<(), Refused> {
        self.out.name("messages").list();
        for turn in &request.turns {
            self.losses.field_if(turn.name.is_some(), Field::Name);
            match turn.role {
                Role::System | Role::Developer => self.said("system", &turn.parts)?,
                Role::User => self.said("user", &turn.parts)?,
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
        Ok(())
    }

    fn said(&mut self, role: &str, parts: &[Part<'_>]) -> Result<(), Refused> {
        self.out.begin().member("role", role);
        self.content(parts)?;
        self.out.end();
        Ok(())
    }

    /// Members `content` and `images`.
    fn content(&mut self, parts: &[Part<'_>]) -> Result<(), Refused> {
        let mut texts: Vec<&str> = Vec::new();
        let mut images: Vec<&str> = Vec::new();
        for part in parts {
            self.lost_with(part);
            match part {
                Part::Text(text) => texts.push(&text.text),
                Part::Refusal(text) | Part::Json(text) => texts.push(text),
                Part::Media(media) => match (&media.source, media.kind) {
                    (Source::Text(text), _) => texts.push(text),
                    (Source::Base64(data), MediaKind::Image) => images.push(data),
                    _ => self.cannot(media)?,
                },
                Part::Reasoning(_) | Part::ToolCall(_) | Part::ToolResult(_) => {}
            }
        }
        texts.retain(|text| !text.is_empty());
        match texts[..] {
            [one] => self.out.member("content", one),
            _ => self.out.member("content", &texts.join("\n")),
        };
        if !images.is_empty() {
            self.out.name("images").list();
            for image in images {
                self.out.string(image);
            }
            self.out.end_list();
        }
        Ok(())
    }

    /// What of a part has no place.
    fn lost_with(&mut self, part: &Part<'_>) {
        let (cache, state) = match part {
            Part::Text(text) => {
                self.losses.field_if(!text.citations.is_empty(), Field::Citations);
                (&text.cache, &text.state)
            }
            Part::Media(media) => {
                let detail = media.detail.as_deref();
                self.losses.field_if(detail.is_some_and(|detail| detail != "auto"), Field::Detail);
                (&media.cache, &media.state)
            }
            Part::Reasoning(reasoning) => (&None, &reasoning.state),
            Part::ToolCall(call) => (&call.cache, &call.state),
            Part::ToolResult(result) => (&result.cache, &None),
            Part::Refusal(_) | Part::Json(_) => return,
        };
        self.losses.field_if(cache.is_some(), Field::CacheControl);
        self.losses.field_if(state.is_some(), Field::ReasoningHistory);
    }

    fn cannot(&mut self, media: &Media<'_>) -> Result<(), Refused> {
        match media.kind {
            MediaKind::Image => Err(Refused {
                field: Field::Image,
                reason: Cow::Borrowed("Ollama takes the bytes of images, not their address"),
                fetch: media.url().map(str::to_owned),
            }),
            MediaKind::File => self.losses.cannot(Field::File, "Ollama takes no files"),
            MediaKind::Audio => self.losses.cannot(Field::Audio, "Ollama takes no recordings"),
            MediaKind::Video => self.losses.cannot(Field::Video, "Ollama takes no films"),
        }
    }

    fn assistant(&mut self, turn: &Turn<'_>) -> Result<(), Refused> {
        self.out.begin().member("role", "assistant");
        self.content(&turn.parts)?;
        let thoughts = turn.parts.iter().filter_map(|part| match part {
            Part::Reasoning(reasoning) => Some(&*reasoning.text),
            _ => None,
        });
        let thoughts: Vec<&str> = thoughts.filter(|text| !text.is_empty()).collect();
        if !thoughts.is_empty() {
            self.out.member("thinking", &thoughts.join("\n"));
        }
        let mut calls = turn.parts.iter().filter_map(|part| match part {
            Part::ToolCall(call) => Some(call),
            _ => None,
        });
        if let Some(first) = calls.next() {
            self.out.name("tool_calls").list();
            self.call(first);
            calls.for_each(|call| self.call(call));
            self.out.end_list();
        }
        self.out.end();
        Ok(())
    }

    fn call(&mut self, call: &ToolCall<'_>) {
        self.out.begin().member("id", &call.id).member("type", "function").name("function").begin();
        self.out.member("name", &call.name).name("arguments").raw(&call.object()).end().end();
    }

    /// The name says whose result it is; newer servers read the id too.
    fn result(&mut self, result: &ToolResult<'_>) -> Result<(), Refused> {
        self.losses.field_if(result.is_error, Field::ToolError);
        self.losses.field_if(result.cache.is_some(), Field::CacheControl);
        self.out.begin().member("role", "tool");
        self.content(&result.parts)?;
        self.out.member_if("tool_name", result.name.as_deref()).member("tool_call_id", &result.id).end();
        Ok(())
    }
}
