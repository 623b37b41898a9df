//! Why an answer ended.

/// Why an answer ended. The words of each dialect stand in its format.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Hash)]
pub enum Finish {
    /// The model was done, or the reason is not known.
    #[default]
    Stop,
    /// A stop text came.
    StopSequence,
    /// It calls tools.
    ToolCalls,
    /// The most tokens were generated.
    Length,
    /// The context window is full.
    ContextFull,
    /// Withheld by a filter.
    ContentFilter,
    /// The model declined.
    Refusal,
    /// The vendor's own tools want to be asked again (Anthropic's `pause_turn`).
    Pause,
    /// It broke off: the vendor calls it an error without saying more.
    Error,
}

impl Finish {
    /// The reason as it must be when tools were called: some vendors say `stop` then
    /// (Gemini, Ollama: see their formats).
    #[must_use]
    pub const fn with_tools(self, called: bool) -> Self {
        match (self, called) {
            (Self::Stop | Self::StopSequence, true) => Self::ToolCalls,
            (other, _) => other,
        }
    }
}
