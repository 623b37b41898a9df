//! What the model thought, how much it is asked to think, and the tables between effort and budget.

use super::State;
use std::borrow::Cow;

/// One stretch of reasoning.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Reasoning<'a> {
    /// What can be read of it; empty where only the state is shown.
    pub text: Cow<'a, str>,
    /// It is a summary, not the thing itself.
    pub summary: bool,
    /// What the vendor wants back unchanged.
    pub state: Option<State<'a>>,
}

/// How the caller wants the model to think. All `None`: as the model does by itself.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct ReasoningWish<'a> {
    /// How hard.
    pub effort: Option<Effort>,
    /// How many tokens.
    pub budget: Option<u64>,
    /// The model decides how much (Anthropic's `adaptive`, Gemini's -1).
    pub adaptive: bool,
    /// Show it (a summary where there is one): Responses' `summary`, Gemini's `includeThoughts`, Anthropic's
    /// `display`.
    pub show: Option<bool>,
    /// The kind of summary, as Responses has it: `auto`, `concise`, `detailed`.
    pub summary: Option<Cow<'a, str>>,
}

/// How hard to think. <https://platform.openai.com/docs/guides/reasoning>
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Effort {
    /// Not at all.
    None,
    /// Hardly.
    Minimal,
    /// A little.
    Low,
    /// As usual.
    Medium,
    /// Much.
    High,
    /// Very much.
    XHigh,
    /// As much as there is.
    Max,
}

impl Effort {
    /// Every effort, growing.
    pub const ALL: [Self; 7] =
        [Self::None, Self::Minimal, Self::Low, Self::Medium, Self::High, Self::XHigh, Self::Max];

    /// OpenAI's word, which the others share.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::None => "none",
            Self::Minimal => "minimal",
            Self::Low => "low",
            Self::Medium => "medium",
            Self::High => "high",
            Self::XHigh => "xhigh",
            Self::Max => "max",
        }
    }

    /// The effort of this name.
    #[must_use]
    pub fn parse(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|effort| effort.name() == name)
    }

    /// A budget of tokens that stands for it; `None` thinks not at all. No vendor publishes a table: these are the
    /// steps that their clients use, from Anthropic's least of 1024 on.
    #[must_use]
    pub const fn budget(self) -> u64 {
        match self {
            Self::None => 0,
            Self::Minimal => 1024,
            Self::Low => 2048,
            Self::Medium => 10_000,
            Self::High => 16_384,
            Self::XHigh => 32_768,
            Self::Max => 65_536,
        }
    }

    /// The effort that a budget comes closest to from above.
    #[must_use]
    pub fn of_budget(budget: u64) -> Self {
        Self::ALL.into_iter().find(|effort| budget <= effort.budget()).unwrap_or(Self::Max)
    }
}

impl ReasoningWish<'_> {
    /// Nothing was asked.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        *self == ReasoningWish::default()
    }

    /// The effort, also where only a budget was given. `adaptive` alone has none.
    #[must_use]
    pub fn effort(&self) -> Option<Effort> {
        self.effort.or_else(|| self.budget.map(Effort::of_budget))
    }

    /// The budget, also where only an effort was given.
    #[must_use]
    pub fn budget(&self) -> Option<u64> {
        self.budget.or_else(|| self.effort.map(Effort::budget))
    }

    /// The caller wants none.
    #[must_use]
    pub fn off(&self) -> bool {
        self.effort == Some(Effort::None) || (self.effort.is_none() && self.budget == Some(0))
    }
}
