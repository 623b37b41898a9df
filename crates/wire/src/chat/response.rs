//! An answer as a whole.

use super::{Finish, Part};
use crate::Usage;
use std::borrow::Cow;

/// One whole answer.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Response<'a> {
    /// The provider's id of it.
    pub id: Option<Cow<'a, str>>,
    /// The model that answered, by its own account.
    pub model: Option<Cow<'a, str>>,
    /// When, in seconds since 1970.
    pub created: Option<u64>,
    /// The answers, by their index; mostly one.
    pub choices: Vec<Choice<'a>>,
    /// What it cost.
    pub usage: Usage,
    /// The tier that served it.
    pub service_tier: Option<Cow<'a, str>>,
}

/// One of the answers.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Choice<'a> {
    /// Its number.
    pub index: u32,
    /// What it says.
    pub parts: Vec<Part<'a>>,
    /// Why it ended.
    pub finish: Finish,
    /// The stop text that ended it.
    pub stop_sequence: Option<Cow<'a, str>>,
    /// Log probabilities of its text.
    pub logprobs: Vec<TokenLogprob<'a>>,
}

/// How likely one token was.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct TokenLogprob<'a> {
    /// The token.
    pub token: Cow<'a, str>,
    /// The natural logarithm of its probability.
    pub logprob: f64,
    /// Its bytes, where said.
    pub bytes: Option<Vec<u8>>,
    /// The likeliest tokens at its place.
    pub top: Vec<Self>,
}
