//! Events become a whole answer: for a client that wants one from an upstream that streams.

use super::{
    Choice, Citation, Event, Failure, Media, Part, Reasoning, Response, Slot, Source, State, Text,
    TokenLogprob, ToolCall,
};
use std::borrow::Cow;

/// Gathers one answer.
#[derive(Debug, Default)]
pub struct Collector {
    response: Response<'static>,
    /// For every part which block it is; `None` for what is no block.
    slots: Vec<(u32, Vec<Option<u32>>)>,
    done: bool,
    error: Option<Failure>,
}

impl Collector {
    /// Takes the next event. What follows the end is left out: a second answer, of which recordings know.
    pub fn push(&mut self, event: Event<'_>) {
        if !self.done && self.error.is_none() {
            self.take(event);
        }
    }

    fn take(&mut self, event: Event<'_>) {
        match event {
            Event::Start { id, model, created } => {
                self.response.id = id.map(own);
                self.response.model = model.map(own);
                self.response.created = created;
            }
            Event::TextStart(slot) => self.add(slot.choice, Some(slot.block), Part::text("")),
            Event::ReasoningStart(slot, summary) => {
                let part = Part::Reasoning(Reasoning { summary, ..Reasoning::default() });
                self.add(slot.choice, Some(slot.block), part);
            }
            Event::ToolStart { slot, id, name, custom, state } => {
                let call = ToolCall {
                    id: own(id),
                    name: own(name),
                    custom,
                    state: state.map(State::into_owned),
                    ..ToolCall::default()
                };
                self.add(slot.choice, Some(slot.block), Part::ToolCall(call));
            }
            Event::TextDelta(slot, text)
            | Event::ReasoningDelta(slot, text)
            | Event::ToolDelta(slot, text) => {
                self.more(slot, &text);
            }
            Event::Citation(slot, citation) => {
                if let Some(Part::Text(text)) = self.part(slot) {
                    text.citations.push(citation.into_owned());
                }
            }
            Event::TextEnd(slot, state) => {
                if let Some(Part::Text(text)) = self.part(slot) {
                    text.state = state.map(State::into_owned);
                }
            }
            Event::ReasoningEnd(slot, state) => {
                if let Some(Part::Reasoning(reasoning)) = self.part(slot) {
                    reasoning.state = state.map(State::into_owned);
                }
            }
            Event::ToolEnd(_) => {}
            Event::RefusalDelta(choice, text) => self.refuse(choice, &text),
            Event::Media(choice, media) => self.add(choice, None, Part::Media(media.into_owned())),
            Event::Logprobs(choice, tokens) => {
                let tokens = tokens.into_iter().map(TokenLogprob::into_owned);
                self.choice(choice).logprobs.extend(tokens);
            }
            Event::Usage(usage) => self.response.usage.merge(&usage),
            Event::Tier(tier) => self.response.service_tier = Some(own(tier)),
            Event::Finish { choice, reason, stop_sequence } => {
                let choice = self.choice(choice);
                choice.finish = reason;
                choice.stop_sequence = stop_sequence.map(own);
            }
            Event::Done => self.done = true,
            Event::Error(failure) => self.error = Some(failure),
        }
    }

    /// The answer, if it is whole.
    ///
    /// # Errors
    /// The provider's error, or that the stream stopped too early.
    pub fn finish(mut self) -> Result<Response<'static>, Failure> {
        if let Some(failure) = self.error {
            return Err(failure);
        }
        if !self.done {
            return Err(Failure::incomplete());
        }
        self.response.choices.sort_by_key(|choice| choice.index);
        Ok(self.response)
    }

    fn choice(&mut self, index: u32) -> &mut Choice<'static> {
        let choices = &mut self.response.choices;
        let at = choices.iter().position(|choice| choice.index == index).unwrap_or_else(|| {
            choices.push(Choice { index, ..Choice::default() });
            choices.len() - 1
        });
        &mut choices[at]
    }

    fn add(&mut self, choice: u32, block: Option<u32>, part: Part<'static>) {
        self.choice(choice).parts.push(part);
        match self.slots.iter_mut().find(|(known, _)| *known == choice) {
            Some((_, blocks)) => blocks.push(block),
            None => self.slots.push((choice, vec![block])),
        }
    }

    fn part(&mut self, slot: Slot) -> Option<&mut Part<'static>> {
        let (_, blocks) = self.slots.iter().find(|(choice, _)| *choice == slot.choice)?;
        let at = blocks.iter().rposition(|block| *block == Some(slot.block))?;
        self.choice(slot.choice).parts.get_mut(at)
    }

    fn more(&mut self, slot: Slot, more: &str) {
        match self.part(slot) {
            Some(Part::Text(text)) => text.text.to_mut().push_str(more),
            Some(Part::Reasoning(reasoning)) => reasoning.text.to_mut().push_str(more),
            Some(Part::ToolCall(call)) => call.arguments.to_mut().push_str(more),
            _ => {}
        }
    }

    fn refuse(&mut self, choice: u32, more: &str) {
        let refusal = self.choice(choice).parts.iter_mut().find_map(|part| match part {
            Part::Refusal(text) => Some(text),
            _ => None,
        });
        match refusal {
            Some(text) => text.to_mut().push_str(more),
            None => self.add(choice, None, Part::Refusal(Cow::Owned(more.to_owned()))),
        }
    }
}

fn own(text: Cow<'_, str>) -> Cow<'static, str> {
    Cow::Owned(text.into_owned())
}

impl Citation<'_> {
    /// A copy that borrows from nothing.
    #[must_use]
    pub fn into_owned(self) -> Citation<'static> {
        Citation {
            url: self.url.map(own),
            title: self.title.map(own),
            cited: self.cited.map(own),
            start: self.start,
            end: self.end,
        }
    }
}

impl TokenLogprob<'_> {
    /// A copy that borrows from nothing.
    #[must_use]
    pub fn into_owned(self) -> TokenLogprob<'static> {
        TokenLogprob {
            token: own(self.token),
            logprob: self.logprob,
            bytes: self.bytes,
            top: self.top.into_iter().map(TokenLogprob::into_owned).collect(),
        }
    }
}

impl Media<'_> {
    /// A copy that borrows from nothing.
    #[must_use]
    pub fn into_owned(self) -> Media<'static> {
        Media {
            kind: self.kind,
            source: match self.source {
                Source::Base64(data) => Source::Base64(own(data)),
                Source::Url(url) => Source::Url(own(url)),
                Source::Text(text) => Source::Text(own(text)),
                Source::Id(id) => Source::Id(own(id)),
            },
            media_type: self.media_type.map(own),
            name: self.name.map(own),
            detail: self.detail.map(own),
            cache: self.cache.map(|cache| super::Cache { ttl: cache.ttl.map(own) }),
            state: self.state.map(State::into_owned),
        }
    }
}

impl Text<'_> {
    /// Nothing can be read in it and nothing hangs on it.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.text.is_empty() && self.citations.is_empty() && self.state.is_none()
    }
}
