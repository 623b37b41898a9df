//! Opaque state of a model: signatures, encrypted reasoning. It has to come back unchanged in the next turn, through
//! clients whose dialect may have no place for it.
//!
//! A dialect with an opaque slot of its own (Anthropic's `signature`, Responses' `encrypted_content`, Gemini's
//! `thoughtSignature`) carries another vendor's state in it, wrapped: `wharf1.KIND.BIND.DATA`.

use super::{Part, Reasoning};
use std::borrow::Cow;

/// One piece of state.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct State<'a> {
    /// Who understands it.
    pub kind: StateKind,
    /// What it is bound to.
    pub bind: Bind,
    /// The state itself, as the vendor wrote it (base64 mostly; for `Details` a JSON object).
    pub data: Cow<'a, str>,
}

/// Who understands a state.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum StateKind {
    /// Signature of a thinking block of Claude, good at Anthropic, Bedrock and Vertex alike:
    /// <https://platform.claude.com/docs/en/build-with-claude/extended-thinking>.
    ClaudeSignature,
    /// A redacted thinking block of Claude: `data` is all there is of it.
    ClaudeRedacted,
    /// Gemini's thought signature: <https://ai.google.dev/gemini-api/docs/thought-signatures>.
    GeminiThought,
    /// Encrypted reasoning of OpenAI's Responses:
    /// <https://platform.openai.com/docs/guides/reasoning#encrypted-reasoning-items>.
    OpenAiEncrypted,
    /// Any other entry of `reasoning_details`, as JSON:
    /// <https://openrouter.ai/docs/use-cases/reasoning-tokens>.
    Details,
}

/// What a state is bound to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Bind {
    /// The stretch of reasoning that it stands in.
    Reasoning,
    /// The text before it.
    Text,
    /// The next call.
    Call,
}

impl StateKind {
    const ALL: [Self; 5] = [
        Self::ClaudeSignature,
        Self::ClaudeRedacted,
        Self::GeminiThought,
        Self::OpenAiEncrypted,
        Self::Details,
    ];

    /// The name in a wrapped state.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::ClaudeSignature => "claude",
            Self::ClaudeRedacted => "claude-redacted",
            Self::GeminiThought => "gemini",
            Self::OpenAiEncrypted => "openai",
            Self::Details => "details",
        }
    }
}

impl Bind {
    const fn name(self) -> &'static str {
        match self {
            Self::Reasoning => "reasoning",
            Self::Text => "text",
            Self::Call => "call",
        }
    }
}

const MARK: &str = "wharf1.";

impl<'a> State<'a> {
    /// The text that goes into an opaque slot of another dialect.
    #[must_use]
    pub fn wrap(&self) -> String {
        [MARK, self.kind.name(), ".", self.bind.name(), ".", &self.data].concat()
    }

    /// The state that was wrapped into a slot's text; `None`: the text is the slot owner's own.
    #[must_use]
    pub fn unwrap_from(text: &Cow<'a, str>) -> Option<Self> {
        let rest = text.strip_prefix(MARK)?;
        let (kind, rest) = rest.split_once('.')?;
        let (bind, data) = rest.split_once('.')?;
        let kind = StateKind::ALL.into_iter().find(|known| known.name() == kind)?;
        let bind =
            [Bind::Reasoning, Bind::Text, Bind::Call].into_iter().find(|known| known.name() == bind)?;
        let at = text.len() - data.len();
        let data = match text {
            Cow::Borrowed(text) => Cow::Borrowed(text.get(at..).unwrap_or_default()),
            Cow::Owned(text) => Cow::Owned(text.get(at..).unwrap_or_default().to_owned()),
        };
        Some(State { kind, bind, data })
    }

    /// A copy that borrows from nothing.
    #[must_use]
    pub fn into_owned(self) -> State<'static> {
        State { kind: self.kind, bind: self.bind, data: Cow::Owned(self.data.into_owned()) }
    }
}

/// For a dialect whose texts and calls have no slot: state bound to them moves into reasoning parts of its own,
/// before its call or behind its text. The dialect writes those parts' states wrapped.
pub fn detach<'a>(parts: Vec<Part<'a>>) -> Vec<Part<'a>> {
    let mut out = Vec::with_capacity(parts.len());
    let carrier =
        |state: State<'a>| Part::Reasoning(Reasoning { state: Some(state), ..Reasoning::default() });
    for mut part in parts {
        match &mut part {
            Part::ToolCall(call) => {
                if let Some(state) = call.state.take() {
                    out.push(carrier(state));
                }
                out.push(part);
            }
            Part::Text(text) => {
                let state = text.state.take();
                out.push(part);
                out.extend(state.map(carrier));
            }
            Part::Media(_) | Part::Reasoning(_) | Part::ToolResult(_) | Part::Refusal(_) | Part::Json(_) => {
                out.push(part);
            }
        }
    }
    out
}

/// The way back: a reasoning part that only carries a state bound to a text or a call gives it to that, and goes.
pub fn reattach<'a>(parts: Vec<Part<'a>>) -> Vec<Part<'a>> {
    let mut out: Vec<Part<'a>> = Vec::with_capacity(parts.len());
    let mut waiting = None;
    for mut part in parts {
        if let Part::Reasoning(reasoning) = &mut part
            && let Some(state) = reasoning.state.take_if(|state| state.bind != Bind::Reasoning)
        {
            match state.bind {
                Bind::Call => waiting = Some(state),
                Bind::Text | Bind::Reasoning => {
                    if let Some(Part::Text(text)) =
                        out.iter_mut().rev().find(|part| matches!(part, Part::Text(_)))
                    {
                        text.state = Some(state);
                    }
                }
            }
            if reasoning.text.is_empty() {
                continue;
            }
        }
        if let Part::ToolCall(call) = &mut part
            && call.state.is_none()
        {
            call.state = waiting.take();
        }
        out.push(part);
    }
    out
}
