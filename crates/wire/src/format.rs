//! The names of the wire formats. What each of them looks like is the business of its own module.

/// How a body is written. A provider is whom we call; its format is one of these.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Format {
    /// OpenAI chat completions, which most providers speak: <https://platform.openai.com/docs/api-reference/chat>.
    OpenAiChat,
    /// OpenAI Responses: <https://platform.openai.com/docs/api-reference/responses>.
    OpenAiResponses,
    /// Anthropic Messages: <https://platform.claude.com/docs/en/api/messages>.
    AnthropicMessages,
    /// Gemini and Vertex AI: <https://ai.google.dev/api/generate-content>.
    GeminiGenerate,
    /// Cohere v2 chat: <https://docs.cohere.com/v2/reference/chat>.
    CohereChat,
    /// Amazon Bedrock: <https://docs.aws.amazon.com/bedrock/latest/APIReference/API_runtime_Converse.html>.
    BedrockConverse,
    /// Ollama's own chat: <https://github.com/ollama/ollama/blob/main/docs/api.md>.
    OllamaChat,
}

impl Format {
    /// Every format, in the order of their definition.
    pub const ALL: [Self; 7] = [
        Self::OpenAiChat,
        Self::OpenAiResponses,
        Self::AnthropicMessages,
        Self::GeminiGenerate,
        Self::CohereChat,
        Self::BedrockConverse,
        Self::OllamaChat,
    ];

    /// The name used in configuration, logs and records.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::OpenAiChat => "openai_chat",
            Self::OpenAiResponses => "openai_responses",
            Self::AnthropicMessages => "anthropic_messages",
            Self::GeminiGenerate => "gemini_generate",
            Self::CohereChat => "cohere_chat",
            Self::BedrockConverse => "bedrock_converse",
            Self::OllamaChat => "ollama_chat",
        }
    }

    /// The format of this [`name`](Self::name).
    #[must_use]
    pub fn parse(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|format| format.name() == name)
    }
}

impl std::fmt::Display for Format {
    fn fmt(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        out.write_str(self.name())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_leads_back_to_its_format() {
        for format in Format::ALL {
            assert_eq!(Format::parse(format.name()), Some(format));
        }
        assert_eq!(Format::parse("OpenAI_Chat"), None);
    }
}
