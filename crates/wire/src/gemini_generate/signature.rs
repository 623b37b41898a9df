//! `thoughtSignature`: Gemini's own state stands there as it came; another vendor's is wrapped, in base64, because
//! Google's SDKs decode and encode what stands there.

use crate::chat::{Bind, State, StateKind};
use base64::Engine as _;
use base64::alphabet;
use base64::engine::DecodePaddingMode;
use base64::engine::general_purpose::{GeneralPurpose, GeneralPurposeConfig, STANDARD};
use std::borrow::Cow;

/// `wharf1.` in base64, as far as it doesn't hang on what follows.
const WRAPPED: &str = "d2hhcmYxL";

/// With and without padding: not all JSON libraries write it.
const LENIENT: GeneralPurpose = GeneralPurpose::new(
    &alphabet::STANDARD,
    GeneralPurposeConfig::new().with_decode_padding_mode(DecodePaddingMode::Indifferent),
);

/// The state in the slot. Python's SDK sends it back in the alphabet for URLs.
pub(super) fn read(slot: Cow<'_, str>, bind: Bind) -> Option<State<'_>> {
    if slot.is_empty() {
        return None;
    }
    if slot.starts_with(WRAPPED) {
        let plain: String = slot
            .chars()
            .map(|c| match c {
                '-' => '+',
                '_' => '/',
                other => other,
            })
            .collect();
        let decoded = LENIENT.decode(plain).ok().and_then(|bytes| String::from_utf8(bytes).ok());
        if let Some(state) = decoded.and_then(|text| State::unwrap_from(&Cow::Owned(text))) {
            return Some(state);
        }
    }
    Some(State { kind: StateKind::GeminiThought, bind, data: slot })
}

/// What goes into the slot for a client.
pub(super) fn slot<'s>(state: &'s State<'_>) -> Cow<'s, str> {
    match state.kind {
        StateKind::GeminiThought => Cow::Borrowed(&state.data),
        StateKind::ClaudeSignature
        | StateKind::ClaudeRedacted
        | StateKind::OpenAiEncrypted
        | StateKind::Details => Cow::Owned(STANDARD.encode(state.wrap())),
    }
}

/// The state, if it is Gemini's: what may go to Gemini.
pub(super) fn own<'s>(state: Option<&'s State<'_>>) -> Option<&'s str> {
    state.filter(|state| state.kind == StateKind::GeminiThought).map(|state| &*state.data)
}
