//! What an answer cost in tokens, read from any provider's usage object. Driven by the shape, not by who sent it:
//! the families below can be told apart by their member names. Where the object stands is the tap's business.

mod counts;
mod walk;

#[cfg(test)]
mod tests;

pub(crate) use counts::Counts;

/// Token counts of one answer. `None` is unknown, which is not zero.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Usage {
    /// All prompt tokens, cached ones included.
    pub input: Option<u64>,
    /// Prompt tokens read from a cache.
    pub cached: Option<u64>,
    /// Prompt tokens written to a cache.
    pub cache_write: Option<u64>,
    /// All generated tokens, reasoning included.
    pub output: Option<u64>,
    /// Generated tokens that were reasoning.
    pub reasoning: Option<u64>,
    /// Prompt tokens that were audio.
    pub audio_input: Option<u64>,
    /// Generated tokens that were audio.
    pub audio_output: Option<u64>,
}

impl Usage {
    /// Reads one usage object, or any JSON object that has the counts at its top (Ollama's answer).
    #[must_use]
    pub fn read(value: &[u8]) -> Self {
        let mut counts = Counts::default();
        counts.add(value);
        counts.usage()
    }

    /// Takes over what `later` knows.
    pub fn merge(&mut self, later: &Self) {
        self.input = later.input.or(self.input);
        self.cached = later.cached.or(self.cached);
        self.cache_write = later.cache_write.or(self.cache_write);
        self.output = later.output.or(self.output);
        self.reasoning = later.reasoning.or(self.reasoning);
        self.audio_input = later.audio_input.or(self.audio_input);
        self.audio_output = later.audio_output.or(self.audio_output);
    }

    /// Nothing at all is known.
    #[must_use]
    pub fn is_unknown(&self) -> bool {
        *self == Self::default()
    }
}
