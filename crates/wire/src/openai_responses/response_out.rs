//! A whole answer is written as a response object.

use super::output::{
    Call, Content, Head, Standing, annotation, image, logprobs, message, reasoning, response,
};
use super::types::Ended;
use crate::chat::{
    Bind, Choice, Citation, Media, MediaKind, Part, Reasoning, Response, Source, ToolCall, detach,
};
use crate::json::Writer;
use crate::translate::Context;
use std::borrow::Cow;

/// Writes an answer. There is one choice in this dialect.
pub(super) fn write(mut answer: Response<'_>, context: &Context) -> Vec<u8> {
    let choice = match answer.choices.iter().position(|choice| choice.index == 0) {
        Some(at) => answer.choices.swap_remove(at),
        None => answer.choices.pop().unwrap_or_default(),
    };
    let refused = choice.parts.iter().any(|part| matches!(part, Part::Refusal(_)));
    let standing = Standing {
        ended: Some(Ended::of(choice.finish, refused)),
        usage: answer.usage,
        tier: answer.service_tier.as_deref(),
        failure: None,
    };
    let head = Head::new(answer.id.as_deref(), answer.model.as_deref(), answer.created, context);
    let mut out = Writer::with_capacity(1024 + room(&choice));
    response(&mut out, &head, &standing, |out| {
        let status =
            if matches!(standing.ended, Some(Ended::Incomplete(_))) { "incomplete" } else { "completed" };
        write_items(out, &head, choice, status);
    });
    out.into_bytes()
}

fn room(choice: &Choice<'_>) -> usize {
    let parts = choice.parts.iter().map(|part| match part {
        Part::Text(text) => text.text.len(),
        Part::Reasoning(it) => it.text.len() + it.state.as_ref().map_or(0, |state| state.data.len()),
        Part::ToolCall(call) => call.arguments.len(),
        Part::Media(Media { source: Source::Base64(data), .. }) => data.len(),
        _ => 0,
    });
    parts.map(|length| length + length / 8 + 256).sum()
}

/// Items being written one after the other.
struct Items<'o, 'h> {
    out: &'o mut Writer,
    head: &'h Head,
    index: usize,
}

impl Items<'_, '_> {
    /// The id of the next item.
    fn id(&mut self, kind: &str) -> String {
        self.index += 1;
        self.head.item_id(kind, self.index - 1)
    }

    /// What was said so far becomes a message.
    fn message(&mut self, contents: &mut Vec<Content<'_>>, status: &str) {
        if !contents.is_empty() {
            let id = self.id("msg");
            message(self.out, &id, status, contents);
            contents.clear();
        }
    }

    fn item(&mut self, part: Part<'_>) {
        match part {
            Part::Reasoning(Reasoning { text, state, .. }) => {
                if !text.is_empty() || state.is_some() {
                    let id = self.id("rs");
                    reasoning(self.out, &id, &text, state.as_ref());
                }
            }
            Part::ToolCall(ToolCall { id, name, arguments, custom, .. }) => {
                let item_id = Cow::Owned(self.id(Call::prefix(custom)));
                Call { item_id, id, name, custom, arguments }.write(self.head, self.out, "completed");
            }
            Part::Media(Media { kind: MediaKind::Image, source: Source::Base64(data), .. }) => {
                let id = self.id("ig");
                image(self.out, &id, "completed", Some(&data));
            }
            // No item can hold other media; the rest is no part of an answer, or was said in a message.
            Part::Media(_) | Part::Text(_) | Part::Refusal(_) | Part::ToolResult(_) | Part::Json(_) => {}
        }
    }
}

fn write_items(out: &mut Writer, head: &Head, choice: Choice<'_>, status: &str) {
    let mut items = Items { out, head, index: 0 };
    let mut contents: Vec<Content<'_>> = Vec::new();
    let mut tokens = logprobs(&choice.logprobs);
    let mut parts = detach(choice.parts).into_iter().peekable();
    while let Some(part) = parts.next() {
        match part {
            Part::Text(text) => {
                // Empty text is said only where state is bound to it.
                if !text.is_empty() || parts.peek().is_some_and(is_state_of_text) {
                    let logprobs = std::mem::take(&mut tokens);
                    let annotations = annotations(&text.citations);
                    contents.push(Content { refusal: false, text: text.text, annotations, logprobs });
                }
            }
            Part::Refusal(text) => {
                contents.push(Content { refusal: true, text, ..Content::default() });
            }
            Part::Media(Media { kind: MediaKind::Image, source: Source::Url(url), .. }) => {
                let text = Cow::Owned(linked(&url));
                contents.push(Content { text, ..Content::default() });
            }
            other => {
                items.message(&mut contents, "completed");
                items.item(other);
            }
        }
    }
    items.message(&mut contents, status);
}

fn is_state_of_text(part: &Part<'_>) -> bool {
    let Part::Reasoning(Reasoning { state: Some(state), .. }) = part else { return false };
    state.bind == Bind::Text
}

fn annotations(citations: &[Citation<'_>]) -> String {
    let mut out = Writer::default();
    citations.iter().for_each(|citation| annotation(&mut out, citation));
    out.into_string()
}

/// An image that is only known by its address.
pub(super) fn linked(url: &str) -> String {
    ["![image](", url, ")"].concat()
}
