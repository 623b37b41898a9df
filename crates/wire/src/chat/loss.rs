//! What a target can't say: one table decides whether that is dropped and listed, or refused.

use super::Refused;
use crate::json::{Fields, Path};
use std::borrow::Cow;

/// A field of the neutral model that a target may lack. Each client format says what it calls it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Field {
    /// An upper limit of tokens.
    MaxTokens,
    /// Sampling temperature, or a value of it.
    Temperature,
    /// Nucleus sampling.
    TopP,
    /// The k most likely tokens.
    TopK,
    /// Frequency penalty.
    FrequencyPenalty,
    /// Presence penalty.
    PresencePenalty,
    /// Stop texts, or some of them.
    Stop,
    /// Seed.
    Seed,
    /// More than one answer.
    N,
    /// Log probabilities.
    Logprobs,
    /// Their alternatives.
    TopLogprobs,
    /// Biases by token.
    LogitBias,
    /// The form of the answer.
    ResponseFormat,
    /// Effort or budget of reasoning.
    Reasoning,
    /// Verbosity.
    Verbosity,
    /// Service tier.
    ServiceTier,
    /// Notes.
    Metadata,
    /// End user.
    User,
    /// Cache key.
    CacheKey,
    /// Cache marks.
    CacheControl,
    /// Whether to keep the answer.
    Store,
    /// Which tool must be called.
    ToolChoice,
    /// Parallel calls, or their prohibition.
    ParallelToolCalls,
    /// Tools, where the target has none.
    Tools,
    /// A tool's strictness.
    Strict,
    /// The grammar of a custom tool.
    Grammar,
    /// A speaker's name.
    Name,
    /// An image.
    Image,
    /// An image's or video's resolution.
    Detail,
    /// A file.
    File,
    /// A recording.
    Audio,
    /// A film.
    Video,
    /// Earlier reasoning, or its state.
    ReasoningHistory,
    /// An earlier refusal.
    Refusal,
    /// Sources of an earlier answer.
    Citations,
    /// That a tool failed.
    ToolError,
}

/// What happens to a field that a target can't say.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Rule {
    /// It is left out and listed in `x-wharf-dropped`.
    Drop,
    /// The request is refused: without it the answer would be to another question.
    Refuse,
}

impl Field {
    /// The one table.
    #[must_use]
    pub const fn rule(self) -> Rule {
        match self {
            Self::Image | Self::File | Self::Audio | Self::Video | Self::Tools => Rule::Refuse,
            Self::MaxTokens
            | Self::Temperature
            | Self::TopP
            | Self::TopK
            | Self::FrequencyPenalty
            | Self::PresencePenalty
            | Self::Stop
            | Self::Seed
            | Self::N
            | Self::Logprobs
            | Self::TopLogprobs
            | Self::LogitBias
            | Self::ResponseFormat
            | Self::Reasoning
            | Self::Verbosity
            | Self::ServiceTier
            | Self::Metadata
            | Self::User
            | Self::CacheKey
            | Self::CacheControl
            | Self::Store
            | Self::ToolChoice
            | Self::ParallelToolCalls
            | Self::Strict
            | Self::Grammar
            | Self::Name
            | Self::Detail
            | Self::ReasoningHistory
            | Self::Refusal
            | Self::Citations
            | Self::ToolError => Rule::Drop,
        }
    }
}

/// What was lost, each thing once.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Losses {
    fields: Vec<Field>,
    paths: Vec<String>,
}

/// More paths than this are not kept: the header has to stay a header.
const MOST_PATHS: usize = 64;

impl Losses {
    /// A field of the neutral model is lost.
    pub fn field(&mut self, field: Field) {
        if !self.fields.contains(&field) {
            self.fields.push(field);
        }
    }

    /// The target can't say this field: it is lost, or the request is refused, as the table has it.
    ///
    /// # Errors
    /// That the request is refused.
    pub fn cannot(&mut self, field: Field, why: &'static str) -> Result<(), Refused> {
        match field.rule() {
            Rule::Drop => self.field(field),
            Rule::Refuse => return Err(Refused { field, reason: Cow::Borrowed(why), fetch: None }),
        }
        Ok(())
    }

    /// A field is lost if this is true.
    pub fn field_if(&mut self, lost: bool, field: Field) {
        if lost {
            self.field(field);
        }
    }

    /// A field of the caller's own body is lost, by its general path.
    pub fn path(&mut self, path: String) {
        if self.paths.len() < MOST_PATHS && !self.paths.contains(&path) {
            self.paths.push(path);
        }
    }

    /// A field of the caller's own body is lost.
    pub fn at(&mut self, path: &Path<'_>) {
        self.path(path.general());
    }

    /// All that nobody took of an object is lost.
    pub fn unread(&mut self, fields: Fields<'_, '_>) {
        fields.unread(|path| self.path(path));
    }

    /// Takes over what another list has.
    pub fn merge(&mut self, other: &Self) {
        for field in &other.fields {
            self.field(*field);
        }
        for path in &other.paths {
            self.path(path.clone());
        }
    }

    /// Nothing was lost.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.fields.is_empty() && self.paths.is_empty()
    }

    /// The fields of the neutral model.
    #[must_use]
    pub fn fields(&self) -> &[Field] {
        &self.fields
    }

    /// All names, as the caller's format calls them.
    #[must_use]
    pub fn names(&self, name: impl Fn(Field) -> &'static str) -> Vec<String> {
        let mut names: Vec<String> = self.paths.clone();
        for field in &self.fields {
            let name = name(*field);
            if !names.iter().any(|known| known == name) {
                names.push(name.to_owned());
            }
        }
        names
    }
}
