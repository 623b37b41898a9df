//! `reasoning_details`: OpenRouter's list of stretches of reasoning with their opaque state, and Google's
//! `extra_content`. Both are what this dialect carries state in; clients send them back as they came.
//! <https://openrouter.ai/docs/use-cases/reasoning-tokens>,
//! <https://ai.google.dev/gemini-api/docs/thought-signatures#openai>

use crate::chat::{Bind, Reasoning, State, StateKind};
use crate::json::{Json, Writer};
use std::borrow::Cow;

const CLAUDE: &str = "anthropic-claude-v1";
const GEMINI: &str = "google-gemini-v1";
const OPENAI: &str = "openai-responses-v1";

/// One entry, read.
#[derive(Debug)]
pub(super) struct Detail<'a> {
    /// Its number: pieces of one stretch share it.
    pub(super) index: Option<u64>,
    /// What can be read; empty where there is only state.
    pub(super) text: Cow<'a, str>,
    /// It is a summary.
    pub(super) summary: bool,
    /// Its state.
    pub(super) state: Option<State<'a>>,
    /// The call that the state belongs to.
    pub(super) call: Option<Cow<'a, str>>,
}

/// Reads an entry. Clients that put entries of one index together may have made one of a summary and its state.
pub(super) fn read<'a>(entry: &Json<'a>) -> Detail<'a> {
    let text = |name: &str| entry.get(name).and_then(Json::cow).filter(|text| !text.is_empty());
    let summary = text("summary");
    let format = entry.get("format").and_then(Json::text);
    let known = |format: Option<&str>| match format {
        // OpenRouter's own client takes an entry without a format for Claude's.
        None => Some(CLAUDE),
        Some(format) => [CLAUDE, GEMINI, OPENAI].into_iter().find(|known| format.starts_with(known)),
    };
    let reasoning = |kind, data| State { kind, bind: Bind::Reasoning, data };
    let details = || reasoning(StateKind::Details, entry.raw());
    let state = match (text("signature"), text("data")) {
        (Some(signature), _) => Some(match known(format) {
            Some(CLAUDE) => reasoning(StateKind::ClaudeSignature, signature),
            Some(GEMINI) => reasoning(StateKind::GeminiThought, signature),
            _ => details(),
        }),
        (None, Some(data)) => Some(match format.and_then(|format| known(Some(format))) {
            Some(CLAUDE) => reasoning(StateKind::ClaudeRedacted, data),
            Some(GEMINI) => reasoning(StateKind::GeminiThought, data),
            Some(OPENAI) => reasoning(StateKind::OpenAiEncrypted, data),
            _ => details(),
        }),
        (None, None) => None,
    };
    let call = text("id").filter(|_| {
        state.as_ref().is_some_and(|state| state.kind == StateKind::GeminiThought) && summary.is_none()
    });
    Detail {
        index: entry.get("index").and_then(Json::number),
        summary: summary.is_some(),
        text: summary.or_else(|| text("text")).unwrap_or_default(),
        state,
        call,
    }
}

/// Google's signature in `extra_content`, or where older answers had it too.
pub(super) fn read_extra<'a>(holder: &Json<'a>) -> Option<Cow<'a, str>> {
    let signature = holder.at(&["extra_content", "google", "thought_signature"]);
    signature.or_else(|| holder.get("thought_signature"))?.cow().filter(|text| !text.is_empty())
}

/// Writes Google's signature as the member `extra_content`.
pub(super) fn write_extra(signature: &str, out: &mut Writer) {
    out.name("extra_content").begin().name("google").begin();
    out.member("thought_signature", signature).end().end();
}

/// Stretches of reasoning out of a whole list, and the states of calls by their ids. A state without an id that no
/// reasoning can hold comes last, with an empty id.
pub(super) fn read_all<'a>(entries: &[Json<'a>]) -> (Vec<Reasoning<'a>>, Vec<(Cow<'a, str>, State<'a>)>) {
    let (mut stretches, mut calls) = (Vec::<Reasoning<'a>>::new(), Vec::new());
    let mut last = None;
    for entry in entries {
        let detail = read(entry);
        match detail.state {
            Some(state) if state.kind == StateKind::GeminiThought => {
                if !detail.text.is_empty() {
                    stretches.push(Reasoning { text: detail.text, summary: detail.summary, state: None });
                }
                let bind = if detail.call.is_some() { Bind::Call } else { Bind::Text };
                calls.push((detail.call.unwrap_or_default(), State { bind, ..state }));
            }
            state => {
                // A summary's state is an entry behind it; a signature may be one behind its text.
                let joins = state.as_ref().is_some_and(|state| {
                    matches!(state.kind, StateKind::OpenAiEncrypted | StateKind::ClaudeSignature)
                }) && detail.text.is_empty();
                match stretches.last_mut() {
                    Some(open) if joins && open.state.is_none() => open.state = state,
                    // Several texts of one index are pieces of one stretch.
                    Some(open)
                        if open.state.is_none()
                            && detail.index.is_some()
                            && detail.index == last
                            && open.summary == detail.summary
                            && !detail.summary =>
                    {
                        open.text.to_mut().push_str(&detail.text);
                        open.state = state;
                    }
                    _ if detail.text.is_empty() && state.is_none() => {}
                    _ => stretches.push(Reasoning { text: detail.text, summary: detail.summary, state }),
                }
            }
        }
        last = detail.index;
    }
    (stretches, calls)
}

/// Writes a stretch as one entry, or two where its state is an entry of its own, and says how many.
pub(super) fn write(reasoning: &Reasoning<'_>, index: u64, out: &mut Writer) -> u64 {
    let mut next = index;
    let state = reasoning.state.as_ref();
    if let Some(State { kind: StateKind::Details, data, .. }) = state {
        out.raw(data);
        return 1;
    }
    let signature = state.filter(|state| state.kind == StateKind::ClaudeSignature);
    if !reasoning.text.is_empty() || signature.is_some() {
        let format = match state.map(|state| state.kind) {
            Some(StateKind::ClaudeSignature) => CLAUDE,
            Some(StateKind::OpenAiEncrypted) => OPENAI,
            _ => "unknown",
        };
        text(&reasoning.text, reasoning.summary, next, out);
        out.member_if("signature", signature.map(|state| &*state.data)).member("format", format).end();
        next += 1;
    }
    if let Some(state) = state.filter(|_| signature.is_none()) {
        encrypted(state, None, next, out);
        next += 1;
    }
    next - index
}

/// Begins an entry with this text and leaves it open.
pub(super) fn text(text: &str, summary: bool, index: u64, out: &mut Writer) {
    let name = if summary { "summary" } else { "text" };
    out.begin().member("type", if summary { "reasoning.summary" } else { "reasoning.text" });
    out.member(name, text).name("index").number(index);
}

/// Writes the entry that ends a stretch whose text has been written: its signature, or its state.
pub(super) fn end(state: &State<'_>, index: u64, out: &mut Writer) {
    match state.kind {
        StateKind::ClaudeSignature => {
            out.begin().member("type", "reasoning.text").member("signature", &state.data);
            out.member("format", CLAUDE).name("index").number(index).end();
        }
        StateKind::Details => {
            out.raw(&state.data);
        }
        StateKind::ClaudeRedacted | StateKind::GeminiThought | StateKind::OpenAiEncrypted => {
            encrypted(state, None, index, out);
        }
    }
}

/// Writes a state that stands for itself, or belongs to a call.
pub(super) fn encrypted(state: &State<'_>, call: Option<&str>, index: u64, out: &mut Writer) {
    let format = match state.kind {
        StateKind::ClaudeRedacted | StateKind::ClaudeSignature => CLAUDE,
        StateKind::GeminiThought => GEMINI,
        StateKind::OpenAiEncrypted => OPENAI,
        StateKind::Details => {
            out.raw(&state.data);
            return;
        }
    };
    out.begin().member("type", "reasoning.encrypted").member("data", &state.data);
    out.member("format", format).member_if("id", call).name("index").number(index).end();
}

/// The state is an entry of its own, not the end of the one with its text.
pub(super) fn stands_alone(state: &State<'_>) -> bool {
    state.kind != StateKind::ClaudeSignature
}
