//! Where formats put what the tap looks for. The only list of such places: a new dialect is a line here.

/// The member names that matter.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Key {
    Usage,
    Meta,
    Message,
    Wrapper,
    Choices,
    Candidates,
    FinishReason,
    GeminiFinish,
    PromptFeedback,
    BlockReason,
    Type,
    Error,
    PromptEvalCount,
    EvalCount,
    Done,
    Other,
}

impl Key {
    pub(super) fn of(name: &[u8]) -> Self {
        match name {
            b"usage" | b"usageMetadata" => Self::Usage,
            b"meta" => Self::Meta,
            b"message" => Self::Message,
            // Groq, Responses, Cohere, Workers AI, Gemini's interactions.
            b"x_groq" | b"response" | b"delta" | b"result" | b"interaction" => Self::Wrapper,
            b"choices" => Self::Choices,
            b"candidates" => Self::Candidates,
            b"finish_reason" => Self::FinishReason,
            b"finishReason" => Self::GeminiFinish,
            b"promptFeedback" => Self::PromptFeedback,
            b"blockReason" => Self::BlockReason,
            b"type" => Self::Type,
            b"error" => Self::Error,
            b"prompt_eval_count" => Self::PromptEvalCount,
            b"eval_count" => Self::EvalCount,
            b"done" => Self::Done,
            _ => Self::Other,
        }
    }
}

/// A container that is looked into.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Place {
    /// Outside of everything.
    Top,
    /// Gemini's stream without `alt=sse` is one array of answers.
    RootList,
    /// The answer, or one event.
    Root,
    /// Anthropic's `message` in `message_start`.
    Message,
    /// An object that holds `usage` one level down.
    Wrapper,
    Choices,
    Choice,
    Candidates,
    Candidate,
    PromptFeedback,
}

impl Place {
    pub(super) const fn is_object(self) -> bool {
        !matches!(self, Self::Top | Self::RootList | Self::Choices | Self::Candidates)
    }
}

/// What a value means.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Role {
    Skip,
    Enter(Place),
    Usage,
    /// The first half of Anthropic's usage.
    StartUsage,
    /// Cohere's usage where it isn't chat.
    Meta,
    FinishReason,
    GeminiFinish,
    Type,
    Error,
    Input,
    Output,
    OllamaDone,
}

impl Role {
    /// The meaning of the value of `key` in `place`; `wide` for whole bodies, which are never searched first.
    pub(super) const fn of(place: Place, key: Key, wide: bool) -> Self {
        match (place, key) {
            (Place::Top | Place::RootList, _) => Self::Enter(Place::Root),
            (Place::Choices, _) => Self::Enter(Place::Choice),
            (Place::Candidates, _) => Self::Enter(Place::Candidate),
            (Place::Choice, Key::FinishReason) => Self::FinishReason,
            (Place::Candidate, Key::GeminiFinish) | (Place::PromptFeedback, Key::BlockReason) => {
                Self::GeminiFinish
            }
            (Place::Message, Key::Usage) => Self::StartUsage,
            (Place::Root | Place::Wrapper, Key::Usage) => Self::Usage,
            (Place::Root, key) => Self::of_root(key, wide),
            _ => Self::Skip,
        }
    }

    const fn of_root(key: Key, wide: bool) -> Self {
        match key {
            Key::Message => Self::Enter(Place::Message),
            Key::Wrapper => Self::Enter(Place::Wrapper),
            Key::Choices => Self::Enter(Place::Choices),
            Key::Candidates => Self::Enter(Place::Candidates),
            Key::PromptFeedback => Self::Enter(Place::PromptFeedback),
            Key::Type => Self::Type,
            Key::Error => Self::Error,
            Key::Meta if wide => Self::Meta,
            Key::PromptEvalCount if wide => Self::Input,
            Key::EvalCount if wide => Self::Output,
            Key::Done if wide => Self::OllamaDone,
            _ => Self::Skip,
        }
    }

    /// The place that a value with this meaning opens, when it is an object or an array.
    pub(super) const fn entered(self, object: bool) -> Option<Place> {
        let Self::Enter(place) = self else { return None };
        match place {
            Place::Root if !object => Some(Place::RootList),
            place if place.is_object() == object => Some(place),
            _ => None,
        }
    }

    pub(super) const fn is_usage(self) -> bool {
        matches!(self, Self::Usage | Self::StartUsage | Self::Meta)
    }

    pub(super) const fn wants_text(self) -> bool {
        matches!(self, Self::FinishReason | Self::GeminiFinish | Self::Type | Self::Error)
    }
}
