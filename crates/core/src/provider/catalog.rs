//! The registry of built-in providers: one entry each, in the order that every listing follows.
//!
//! The first fifteen are the predecessor proxy's, in its order and with its base URLs and paths.
//! A new provider is one function here and its name in `builtins`; nothing else in the gateway knows it.

use super::{
    Auth, AuthRule, BEARER, GatewaySlug, ModelList, ModelShape, Offer, Paging, Paths, Provider, quirks, rules,
};
use std::borrow::Cow;
use std::sync::LazyLock;
use wharf_wire::chat::Quirks;
use wharf_wire::embeddings::EmbedForm;
use wharf_wire::format::Format;
use wharf_wire::rerank::RerankForm;

#[cfg(test)]
mod tests;

static BUILTINS: LazyLock<Vec<Provider>> = LazyLock::new(|| {
    vec![
        workers_ai(),
        anthropic(),
        cerebras(),
        cohere(),
        deepseek(),
        google_ai_studio(),
        grok(),
        groq(),
        huggingface(),
        mistral(),
        openai(),
        openrouter(),
        perplexity_ai(),
        replicate(),
        ollama(),
        moonshot(),
        azure_openai(),
        google_vertex_ai(),
        aws_bedrock(),
        vllm(),
        lm_studio(),
        llamafile(),
        echo(),
    ]
});

/// Every built-in provider, in listing order.
pub fn builtins() -> &'static [Provider] {
    &BUILTINS
}

/// The provider that goes by this name, be it its id or an alias.
pub fn find<'a>(providers: &'a [Provider], name: &str) -> Option<&'a Provider> {
    providers.iter().find(|provider| provider.id == name || provider.aliases.contains(&name))
}

/// Whether a bare model name starts as `prefix` says; `#` in the prefix stands for one digit.
pub fn prefix_fits(prefix: &str, model: &str) -> bool {
    let mut rest = model.bytes();
    prefix.bytes().all(|want| match (want, rest.next()) {
        (b'#', Some(byte)) => byte.is_ascii_digit(),
        (want, Some(byte)) => want == byte,
        (_, None) => false,
    })
}

/// A provider that speaks OpenAI's chat format with a Bearer key and offers nothing yet.
fn plain(id: &'static str, title: &'static str) -> Provider {
    Provider {
        id: Cow::Borrowed(id),
        aliases: &[],
        title,
        base_url: None,
        auth: BEARER,
        key_env: &[],
        env_stems: &[],
        keyless: false,
        limits_per_model: false,
        local: false,
        format: Format::OpenAiChat,
        speaks: Format::OpenAiChat,
        quirks: Quirks::default(),
        rules: &[],
        embed: None,
        rerank: None,
        paths: Paths::default(),
        default_headers: &[],
        model_prefixes: &[],
        gateway: None,
        models: LIST_AS_IT_IS,
        drop_params: &[],
    }
}

const fn at(path: &'static str) -> Option<Cow<'static, str>> {
    Some(Cow::Borrowed(path))
}

const LIST_AS_IT_IS: ModelList = ModelList { shape: ModelShape::OpenAi, paging: Paging::None, owned_by: "" };
const LIST_KEPT: ModelList = ModelList { shape: ModelShape::OpenAiKept, paging: Paging::None, owned_by: "" };
const NO_LIST: ModelList = ModelList { shape: ModelShape::None, paging: Paging::None, owned_by: "" };

/// Known to the AI Gateway, under the paths of its own base URL.
const fn gateway(slug: &'static str) -> Option<GatewaySlug> {
    Some(GatewaySlug { slug, own_paths: false })
}

/// Known to the AI Gateway, which wants other paths there than the provider itself.
const fn gateway_own_paths(slug: &'static str) -> Option<GatewaySlug> {
    Some(GatewaySlug { slug, own_paths: true })
}

fn workers_ai() -> Provider {
    Provider {
        base_url: Some("https://api.cloudflare.com/client/v4/accounts/{account}/ai"),
        key_env: &["CLOUDFLARE_API_KEY", "WORKERS_AI_API_KEY"],
        env_stems: &["WORKERS_AI", "CLOUDFLARE"],
        quirks: quirks::workers_ai(),
        rerank: Some(RerankForm::WorkersAi),
        paths: Paths {
            chat: at("/v1/chat/completions"),
            responses: at("/v1/responses"),
            messages: at("/v1/messages"),
            openai: at("/v1"),
            offers: &[Offer::Embeddings],
            models: at("/models/search?task=Text%20Generation"),
            ..Paths::default()
        },
        model_prefixes: &["@cf/", "@hf/"],
        gateway: gateway("workers-ai"),
        models: ModelList { shape: ModelShape::WorkersAi, paging: Paging::Pages, owned_by: "workers_ai" },
        ..plain("workers-ai", "Cloudflare Workers AI")
    }
}

fn anthropic() -> Provider {
    Provider {
        base_url: Some("https://api.anthropic.com"),
        auth: &[AuthRule { under: "", how: Auth::Header("x-api-key") }],
        key_env: &["ANTHROPIC_API_KEY"],
        env_stems: &["ANTHROPIC"],
        format: Format::AnthropicMessages,
        speaks: Format::AnthropicMessages,
        quirks: quirks::anthropic(),
        rules: rules::CLAUDE,
        paths: Paths {
            // Anthropic's own OpenAI layer, which it calls unfit for production:
            // https://platform.claude.com/docs/en/api/openai-sdk
            chat: at("/v1/chat/completions"),
            messages: at("/v1/messages"),
            count_tokens: at("/v1/messages/count_tokens"),
            models: at("/v1/models?limit=1000"),
            ..Paths::default()
        },
        default_headers: &[("anthropic-version", "2023-06-01")],
        model_prefixes: &["claude-"],
        gateway: gateway("anthropic"),
        models: ModelList { shape: ModelShape::Anthropic, paging: Paging::AfterId, owned_by: "anthropic" },
        // <https://docs.anthropic.com/en/api/rate-limits>
        limits_per_model: true,
        ..plain("anthropic", "Anthropic")
    }
}

fn cerebras() -> Provider {
    Provider {
        base_url: Some("https://api.cerebras.ai/v1"),
        key_env: &["CEREBRAS_API_KEY"],
        env_stems: &["CEREBRAS"],
        quirks: quirks::cerebras(),
        paths: Paths {
            chat: at("/chat/completions"),
            openai: at(""),
            offers: &[Offer::Completions],
            models: at("/models"),
            ..Paths::default()
        },
        gateway: gateway("cerebras"),
        ..plain("cerebras", "Cerebras")
    }
}

fn cohere() -> Provider {
    Provider {
        base_url: Some("https://api.cohere.com"),
        key_env: &["COHERE_API_KEY"],
        env_stems: &["COHERE"],
        format: Format::CohereChat,
        speaks: Format::CohereChat,
        quirks: quirks::cohere(),
        rules: rules::COHERE,
        paths: Paths {
            native: at("/v2/chat"),
            chat: at("/compatibility/v1/chat/completions"),
            openai: at("/compatibility/v1"),
            offers: &[Offer::Embeddings],
            rerank: at("/v2/rerank"),
            models: at("/v1/models?page_size=100&endpoint=chat"),
            ..Paths::default()
        },
        model_prefixes: &[
            "command-",
            "c4ai-",
            "embed-v",
            "embed-english-",
            "embed-multilingual-",
            "rerank-v",
            "rerank-english-",
            "rerank-multilingual-",
        ],
        gateway: gateway("cohere"),
        models: ModelList {
            shape: ModelShape::Named,
            paging: Paging::Token { member: "next_page_token", query: "page_token" },
            owned_by: "cohere",
        },
        ..plain("cohere", "Cohere")
    }
}

fn deepseek() -> Provider {
    Provider {
        base_url: Some("https://api.deepseek.com"),
        // Its Anthropic layer documents `x-api-key` only: https://api-docs.deepseek.com/guides/anthropic_api
        auth: &[
            AuthRule { under: "", how: Auth::Bearer },
            AuthRule { under: "/anthropic/", how: Auth::Header("x-api-key") },
        ],
        key_env: &["DEEPSEEK_API_KEY"],
        env_stems: &["DEEPSEEK"],
        quirks: quirks::deepseek(),
        paths: Paths {
            chat: at("/chat/completions"),
            responses: at("/responses"),
            messages: at("/anthropic/v1/messages"),
            // Text completion exists only on the beta base: https://api-docs.deepseek.com/api/create-completion
            openai: at("/beta"),
            offers: &[Offer::Completions],
            models: at("/models"),
            ..Paths::default()
        },
        model_prefixes: &["deepseek-"],
        gateway: gateway("deepseek"),
        ..plain("deepseek", "DeepSeek")
    }
}

fn google_ai_studio() -> Provider {
    Provider {
        aliases: &["gemini"],
        base_url: Some("https://generativelanguage.googleapis.com"),
        // The OpenAI layer reads Bearer; the predecessor sends both there, and Google accepts that.
        auth: &[
            AuthRule { under: "", how: Auth::Header("x-goog-api-key") },
            AuthRule { under: "/v1beta/openai", how: Auth::Bearer },
        ],
        key_env: &["GEMINI_API_KEY", "GOOGLE_AI_STUDIO_API_KEY"],
        env_stems: &["GOOGLE_AI_STUDIO", "GEMINI"],
        format: Format::GeminiGenerate,
        speaks: Format::GeminiGenerate,
        quirks: quirks::gemini(),
        rules: rules::GEMINI,
        paths: Paths {
            chat: at("/v1beta/openai/chat/completions"),
            generate: at("/v1beta/models"),
            openai: at("/v1beta/openai"),
            offers: &[Offer::Embeddings, Offer::Images],
            // Fifty is the default page and a thousand the largest: https://ai.google.dev/api/models#method:-models.list
            models: at("/v1beta/models?pageSize=1000"),
            ..Paths::default()
        },
        model_prefixes: &["gemini-", "gemma-", "imagen-", "veo-", "learnlm-"],
        gateway: gateway("google-ai-studio"),
        models: ModelList {
            shape: ModelShape::Named,
            paging: Paging::Token { member: "nextPageToken", query: "pageToken" },
            owned_by: "google_ai_studio",
        },
        // <https://ai.google.dev/gemini-api/docs/rate-limits>
        limits_per_model: true,
        ..plain("google-ai-studio", "Google AI Studio")
    }
}

fn grok() -> Provider {
    Provider {
        aliases: &["xai"],
        base_url: Some("https://api.x.ai"),
        key_env: &["GROK_API_KEY", "XAI_API_KEY"],
        env_stems: &["GROK", "XAI"],
        rules: rules::GROK,
        quirks: quirks::grok(),
        paths: Paths {
            chat: at("/v1/chat/completions"),
            // There is `/v1/messages` too, but xAI has deprecated it: https://docs.x.ai/docs/api-reference
            responses: at("/v1/responses"),
            openai: at("/v1"),
            offers: &[Offer::Embeddings, Offer::Completions, Offer::Images],
            models: at("/v1/models"),
            ..Paths::default()
        },
        model_prefixes: &["grok-"],
        gateway: gateway("grok"),
        ..plain("grok", "xAI Grok")
    }
}

fn groq() -> Provider {
    Provider {
        base_url: Some("https://api.groq.com/openai/v1"),
        key_env: &["GROQ_API_KEY"],
        env_stems: &["GROQ"],
        quirks: quirks::groq(),
        paths: Paths {
            chat: at("/chat/completions"),
            responses: at("/responses"),
            openai: at(""),
            offers: &[Offer::Embeddings, Offer::Audio],
            models: at("/models"),
            ..Paths::default()
        },
        gateway: gateway("groq"),
        models: LIST_KEPT,
        // <https://console.groq.com/docs/rate-limits>
        limits_per_model: true,
        ..plain("groq", "Groq")
    }
}

fn huggingface() -> Provider {
    Provider {
        // The predecessor's host, api-inference.huggingface.co, is retired:
        // https://huggingface.co/docs/inference-providers/index
        base_url: Some("https://router.huggingface.co/v1"),
        key_env: &["HUGGINGFACE_API_KEY"],
        env_stems: &["HUGGINGFACE"],
        quirks: quirks::huggingface(),
        paths: Paths {
            chat: at("/chat/completions"),
            responses: at("/responses"),
            models: at("/models"),
            ..Paths::default()
        },
        // The gateway still stands for the retired host's `/models/{model}`:
        // https://developers.cloudflare.com/ai-gateway/usage/providers/huggingface/
        gateway: gateway_own_paths("huggingface"),
        ..plain("huggingface", "Hugging Face")
    }
}

fn mistral() -> Provider {
    Provider {
        base_url: Some("https://api.mistral.ai"),
        key_env: &["MISTRAL_API_KEY"],
        env_stems: &["MISTRAL"],
        quirks: quirks::mistral(),
        paths: Paths {
            chat: at("/v1/chat/completions"),
            openai: at("/v1"),
            offers: &[Offer::Embeddings, Offer::Moderations, Offer::Audio],
            models: at("/v1/models"),
            ..Paths::default()
        },
        model_prefixes: &[
            "mistral-",
            "ministral-",
            "codestral-",
            "magistral-",
            "devstral-",
            "pixtral-",
            "voxtral-",
            "open-mistral-",
            "open-mixtral-",
            "open-codestral-",
        ],
        gateway: gateway("mistral"),
        models: LIST_KEPT,
        ..plain("mistral", "Mistral")
    }
}

fn openai() -> Provider {
    Provider {
        base_url: Some("https://api.openai.com/v1"),
        key_env: &["OPENAI_API_KEY"],
        env_stems: &["OPENAI"],
        quirks: quirks::openai(),
        rules: rules::OPENAI,
        paths: Paths {
            chat: at("/chat/completions"),
            responses: at("/responses"),
            openai: at(""),
            offers: &[Offer::Embeddings, Offer::Completions, Offer::Moderations, Offer::Images, Offer::Audio],
            models: at("/models"),
            ..Paths::default()
        },
        model_prefixes: &[
            "gpt-",
            "o#",
            "codex-",
            "chatgpt-",
            "computer-use-",
            "text-embedding-",
            "omni-moderation-",
            "text-moderation-",
            "dall-e-",
            "sora-",
            // Not all of `whisper-`: `whisper-large-v3` is an open model that others host.
            "whisper-1",
            "tts-",
            "davinci-",
            "babbage-",
            "ft:gpt-",
        ],
        gateway: gateway("openai"),
        // <https://platform.openai.com/docs/guides/rate-limits>
        limits_per_model: true,
        ..plain("openai", "OpenAI")
    }
}

fn openrouter() -> Provider {
    Provider {
        base_url: Some("https://openrouter.ai/api"),
        key_env: &["OPENROUTER_API_KEY"],
        env_stems: &["OPENROUTER"],
        quirks: quirks::openrouter(),
        paths: Paths {
            chat: at("/v1/chat/completions"),
            responses: at("/v1/responses"),
            messages: at("/v1/messages"),
            openai: at("/v1"),
            offers: &[Offer::Embeddings, Offer::Completions, Offer::Images, Offer::Audio, Offer::Rerank],
            models: at("/v1/models"),
            ..Paths::default()
        },
        gateway: gateway("openrouter"),
        models: ModelList { shape: ModelShape::OpenRouter, paging: Paging::None, owned_by: "openrouter" },
        ..plain("openrouter", "OpenRouter")
    }
}

fn perplexity_ai() -> Provider {
    Provider {
        aliases: &["perplexity"],
        base_url: Some("https://api.perplexity.ai"),
        key_env: &["PERPLEXITYAI_API_KEY", "PERPLEXITY_API_KEY", "PERPLEXITY_AI_API_KEY"],
        env_stems: &["PERPLEXITY_AI", "PERPLEXITYAI", "PERPLEXITY"],
        quirks: quirks::perplexity_ai(),
        paths: Paths {
            // The predecessor's path; Perplexity's own pages write it without `/v1`:
            // https://docs.perplexity.ai/api-reference/chat-completions-post
            chat: at("/v1/chat/completions"),
            responses: at("/v1/responses"),
            openai: at("/v1"),
            offers: &[Offer::Embeddings],
            models: at("/v1/models"),
            ..Paths::default()
        },
        model_prefixes: &["sonar", "r1-1776"],
        gateway: gateway("perplexity-ai"),
        ..plain("perplexity-ai", "Perplexity")
    }
}

fn replicate() -> Provider {
    Provider {
        // Predictions only: nothing of OpenAI's shape, and a model list with a cursor of its own that no client could use.
        base_url: Some("https://api.replicate.com/v1"),
        key_env: &["REPLICATE_API_KEY"],
        env_stems: &["REPLICATE"],
        gateway: gateway("replicate"),
        models: NO_LIST,
        ..plain("replicate", "Replicate")
    }
}

fn ollama() -> Provider {
    Provider {
        // Ollama Cloud, as the predecessor has it; a local one is this with `base_url` set.
        base_url: Some("https://ollama.com/v1"),
        key_env: &["OLLAMA_API_KEY"],
        env_stems: &["OLLAMA"],
        quirks: quirks::ollama(),
        paths: Paths {
            chat: at("/chat/completions"),
            responses: at("/responses"),
            messages: at("/messages"),
            openai: at(""),
            offers: &[Offer::Embeddings, Offer::Completions],
            models: at("/models"),
            ..Paths::default()
        },
        ..plain("ollama", "Ollama")
    }
}

fn moonshot() -> Provider {
    Provider {
        // Keys of platform.moonshot.cn; those of platform.moonshot.ai need MOONSHOT_BASE_URL=https://api.moonshot.ai
        base_url: Some("https://api.moonshot.cn"),
        key_env: &["MOONSHOT_API_KEY"],
        env_stems: &["MOONSHOT"],
        quirks: quirks::moonshot(),
        paths: Paths {
            chat: at("/v1/chat/completions"),
            messages: at("/anthropic/v1/messages"),
            models: at("/v1/models"),
            ..Paths::default()
        },
        model_prefixes: &["moonshot-", "kimi-"],
        ..plain("moonshot", "Moonshot AI (Kimi)")
    }
}

fn azure_openai() -> Provider {
    Provider {
        // `https://{resource}.openai.azure.com`; the model is the deployment's name.
        auth: &[AuthRule { under: "", how: Auth::Header("api-key") }],
        key_env: &["AZURE_OPENAI_API_KEY"],
        env_stems: &["AZURE_OPENAI"],
        quirks: quirks::azure_openai(),
        rules: rules::OPENAI,
        paths: Paths {
            chat: at("/openai/v1/chat/completions"),
            responses: at("/openai/v1/responses"),
            openai: at("/openai/v1"),
            offers: &[Offer::Embeddings, Offer::Completions, Offer::Images, Offer::Audio],
            models: at("/openai/v1/models"),
            ..Paths::default()
        },
        // `{resource}/{deployment}/chat/completions?api-version=`:
        // https://developers.cloudflare.com/ai-gateway/usage/providers/azureopenai/
        gateway: gateway_own_paths("azure-openai"),
        ..plain("azure-openai", "Azure OpenAI")
    }
}

fn google_vertex_ai() -> Provider {
    Provider {
        // `https://{location}-aiplatform.googleapis.com/v1/projects/{project}/locations/{location}`; the key is an OAuth token.
        key_env: &["GOOGLE_VERTEX_AI_API_KEY"],
        env_stems: &["GOOGLE_VERTEX_AI"],
        format: Format::GeminiGenerate,
        rules: rules::GEMINI,
        embed: Some(EmbedForm::VertexPredict),
        paths: Paths {
            chat: at("/endpoints/openapi/chat/completions"),
            generate: at("/publishers/google/models"),
            ..Paths::default()
        },
        // The slug stands for the host alone: https://developers.cloudflare.com/ai-gateway/usage/providers/vertex/
        gateway: gateway_own_paths("google-vertex-ai"),
        models: NO_LIST,
        ..plain("google-vertex-ai", "Google Vertex AI")
    }
}

fn aws_bedrock() -> Provider {
    Provider {
        // `https://bedrock-runtime.{region}.amazonaws.com`, with a Bedrock API key:
        // https://docs.aws.amazon.com/bedrock/latest/userguide/api-keys-use.html
        key_env: &["AWS_BEDROCK_API_KEY", "AWS_BEARER_TOKEN_BEDROCK"],
        env_stems: &["AWS_BEDROCK"],
        format: Format::BedrockConverse,
        speaks: Format::BedrockConverse,
        rules: rules::BEDROCK,
        quirks: quirks::bedrock(),
        embed: Some(EmbedForm::BedrockTitan),
        rerank: Some(RerankForm::BedrockCohere),
        paths: Paths { native: at("/model"), chat: at("/openai/v1/chat/completions"), ..Paths::default() },
        // `bedrock-runtime/{region}/…`: https://developers.cloudflare.com/ai-gateway/usage/providers/bedrock/
        gateway: gateway_own_paths("aws-bedrock"),
        models: NO_LIST,
        ..plain("aws-bedrock", "Amazon Bedrock")
    }
}

fn vllm() -> Provider {
    Provider {
        // `http://localhost:8000/v1`. https://docs.vllm.ai/en/stable/serving/online_serving.html
        key_env: &["VLLM_API_KEY"],
        env_stems: &["VLLM"],
        keyless: true,
        quirks: quirks::vllm(),
        paths: Paths {
            chat: at("/chat/completions"),
            responses: at("/responses"),
            messages: at("/messages"),
            count_tokens: at("/messages/count_tokens"),
            openai: at(""),
            offers: &[Offer::Embeddings, Offer::Completions, Offer::Audio, Offer::Rerank],
            models: at("/models"),
            ..Paths::default()
        },
        ..plain("vllm", "vLLM")
    }
}

fn lm_studio() -> Provider {
    Provider {
        // `http://localhost:1234/v1`. https://lmstudio.ai/docs/developer/openai-compat
        key_env: &["LM_STUDIO_API_KEY"],
        env_stems: &["LM_STUDIO"],
        keyless: true,
        quirks: quirks::lm_studio(),
        paths: Paths {
            chat: at("/chat/completions"),
            responses: at("/responses"),
            messages: at("/messages"),
            openai: at(""),
            offers: &[Offer::Embeddings, Offer::Completions],
            models: at("/models"),
            ..Paths::default()
        },
        ..plain("lm-studio", "LM Studio")
    }
}

fn llamafile() -> Provider {
    Provider {
        // `http://localhost:8080/v1`: llama.cpp's server in one file.
        key_env: &["LLAMAFILE_API_KEY"],
        env_stems: &["LLAMAFILE"],
        keyless: true,
        quirks: quirks::llamafile(),
        paths: Paths {
            chat: at("/chat/completions"),
            openai: at(""),
            offers: &[Offer::Embeddings, Offer::Completions],
            models: at("/models"),
            ..Paths::default()
        },
        ..plain("llamafile", "llamafile")
    }
}

fn echo() -> Provider {
    Provider {
        // Answered by the gateway itself; paths say what it answers.
        key_env: &["ECHO_API_KEY"],
        env_stems: &["ECHO"],
        keyless: true,
        local: true,
        paths: Paths {
            chat: at("/chat/completions"),
            openai: at(""),
            offers: &[Offer::Embeddings],
            models: at("/models"),
            ..Paths::default()
        },
        ..plain("echo", "Echo (built in)")
    }
}
