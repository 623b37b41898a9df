//! A custom provider out of a name, a format and a base URL: the same struct as the built-in ones.

use super::problem::{At, Findings, did_you_mean, shown};
use crate::provider::{
    ALL_OFFERS, Auth, AuthRule, BEARER, ModelList, ModelShape, Paging, Paths, Provider, quirks,
};
use std::borrow::Cow;
use wharf_wire::embeddings::EmbedForm;
use wharf_wire::format::Format;
use wharf_wire::rerank::RerankForm;

/// First parts of our own paths: a provider of that name could not be reached.
const RESERVED: &[&str] = &[
    "v1",
    "v1beta",
    "key",
    "g",
    "compat",
    "health",
    "ready",
    "ping",
    "status",
    "metrics",
    "admin",
    "models",
    "chat",
    "messages",
    "responses",
];

/// The header by which Anthropic's format says its version.
const ANTHROPIC_VERSION: &[(&str, &str)] = &[("anthropic-version", "2023-06-01")];
const X_API_KEY: &[AuthRule] = &[AuthRule { under: "", how: Auth::Header("x-api-key") }];
const X_GOOG_API_KEY: &[AuthRule] = &[AuthRule { under: "", how: Auth::Header("x-goog-api-key") }];

/// Checks a custom provider's name; false after a problem.
pub(super) fn check_name(name: &str, at: &At, out: &mut Findings) -> bool {
    let plain = |b: u8| b.is_ascii_alphanumeric() || matches!(b, b'.' | b'_' | b'~' | b'+' | b'-');
    if name.is_empty() || !name.bytes().all(plain) {
        out.problem(at, "a provider's name may hold letters, digits and `. _ ~ + -` only", "");
        return false;
    }
    // As parts of a path these two mean something else.
    if matches!(name, "." | "..") {
        out.problem(at, "`.` and `..` cannot be a provider's name", "");
        return false;
    }
    if RESERVED.contains(&name) {
        out.problem(at, format!("`{name}` is one of this server's own paths"), "choose another name");
        return false;
    }
    true
}

/// The place of the built-in that goes by this name.
pub(super) fn place(builtins: &[Provider], name: &str) -> Option<usize> {
    builtins.iter().position(|provider| provider.id == name || provider.aliases.contains(&name))
}

/// A problem with a name that is no provider's.
pub(super) fn unknown_provider<'k>(
    name: &str,
    known: impl IntoIterator<Item = &'k str>,
    at: &At,
    out: &mut Findings,
) {
    out.problem(at, format!("unknown provider `{}`", shown(name)), did_you_mean(name, known));
}

/// What a custom provider's paths are built from.
pub(super) struct Appended {
    /// The path of the base URL, without a trailing slash.
    pub(super) base_path: String,
    /// The paths to put behind it.
    pub(super) paths: Paths,
}

/// The provider, and what its base URL's path becomes.
pub(super) fn provider(
    name: &str,
    format: Format,
    base_path: &str,
    chat_path: Option<String>,
    models_path: Option<String>,
) -> (Provider, String) {
    let appended = settle(format, base_path, chat_path, models_path);
    let (auth, default_headers): (_, &[_]) = match format {
        Format::AnthropicMessages => (X_API_KEY, ANTHROPIC_VERSION),
        Format::GeminiGenerate => (X_GOOG_API_KEY, &[]),
        Format::OpenAiChat
        | Format::OpenAiResponses
        | Format::CohereChat
        | Format::BedrockConverse
        | Format::OllamaChat => (BEARER, &[]),
    };
    let provider = Provider {
        id: Cow::Owned(name.into()),
        aliases: &[],
        title: "Custom provider",
        base_url: None,
        auth,
        key_env: &[],
        env_stems: &[],
        keyless: true,
        limits_per_model: false,
        local: false,
        format,
        speaks: format,
        quirks: quirks::of_custom(format),
        rules: quirks::of_format(format),
        embed: vectors(format).0,
        rerank: vectors(format).1,
        paths: appended.paths,
        default_headers,
        model_prefixes: &[],
        gateway: None,
        models: model_list(format),
        drop_params: &[],
    };
    (provider, appended.base_path)
}

/// Puts a given chat path in the place that the format has for it.
pub(super) fn set_chat_path(paths: &mut Paths, format: Format, path: String) {
    let path = Some(Cow::Owned(path));
    match format {
        Format::OpenAiChat => paths.chat = path,
        Format::OpenAiResponses => paths.responses = path,
        Format::AnthropicMessages => {
            paths.count_tokens = path.as_ref().map(|path| format!("{path}/count_tokens").into());
            paths.messages = path;
        }
        Format::GeminiGenerate => paths.generate = path,
        Format::CohereChat | Format::BedrockConverse | Format::OllamaChat => paths.native = path,
    }
}

/// The paths of a format, as they are appended to a base URL.
fn paths(format: Format) -> Paths {
    let at = |path: &'static str| Some(Cow::Borrowed(path));
    match format {
        Format::OpenAiChat => Paths {
            chat: at("/chat/completions"),
            openai: at(""),
            offers: ALL_OFFERS,
            models: at("/models"),
            ..Paths::default()
        },
        Format::OpenAiResponses => Paths {
            responses: at("/responses"),
            openai: at(""),
            offers: ALL_OFFERS,
            models: at("/models"),
            ..Paths::default()
        },
        Format::AnthropicMessages => Paths {
            messages: at("/v1/messages"),
            count_tokens: at("/v1/messages/count_tokens"),
            models: at("/v1/models"),
            ..Paths::default()
        },
        Format::GeminiGenerate => {
            Paths { generate: at("/v1beta/models"), models: at("/v1beta/models"), ..Paths::default() }
        }
        Format::CohereChat => Paths { native: at("/v2/chat"), models: at("/v1/models"), ..Paths::default() },
        Format::BedrockConverse => Paths { native: at("/model"), ..Paths::default() },
        Format::OllamaChat => Paths { native: at("/api/chat"), models: at("/api/tags"), ..Paths::default() },
    }
}

/// Forms of embeddings and rankings that are the format's own.
const fn vectors(format: Format) -> (Option<EmbedForm>, Option<RerankForm>) {
    match format {
        Format::OpenAiChat | Format::OpenAiResponses | Format::AnthropicMessages => (None, None),
        Format::GeminiGenerate => (Some(EmbedForm::Gemini), None),
        Format::CohereChat => (Some(EmbedForm::CohereV2), Some(RerankForm::CohereV2)),
        Format::BedrockConverse => (Some(EmbedForm::BedrockTitan), Some(RerankForm::BedrockCohere)),
        Format::OllamaChat => (Some(EmbedForm::Ollama), None),
    }
}

fn model_list(format: Format) -> ModelList {
    let (shape, paging) = match format {
        Format::OpenAiChat | Format::OpenAiResponses => (ModelShape::OpenAi, Paging::None),
        Format::AnthropicMessages => (ModelShape::Anthropic, Paging::AfterId),
        Format::GeminiGenerate => {
            (ModelShape::Named, Paging::Token { member: "nextPageToken", query: "pageToken" })
        }
        Format::CohereChat => {
            (ModelShape::Named, Paging::Token { member: "next_page_token", query: "page_token" })
        }
        Format::OllamaChat => (ModelShape::Named, Paging::None),
        Format::BedrockConverse => (ModelShape::None, Paging::None),
    };
    ModelList { shape, paging, owned_by: "" }
}

/// Fits base path and appended paths together: where an appended path starts with a version segment or `/api/`, a
/// version segment that ends the base URL is replaced by it. Written down once here, so that joining stays plain.
pub(super) fn settle(
    format: Format,
    base_path: &str,
    chat_path: Option<String>,
    models_path: Option<String>,
) -> Appended {
    let mut paths = paths(format);
    if let Some(path) = chat_path {
        set_chat_path(&mut paths, format, path);
    }
    if let Some(path) = models_path {
        paths.models = Some(path.into());
    }
    let Some((front, last)) = base_path.rsplit_once('/') else {
        return Appended { base_path: base_path.into(), paths };
    };
    let mut base_path = base_path.to_owned();
    let mut given = given(&mut paths);
    if last == "api" || given.iter().all(|path| first_segment(path) == last) {
        // The same segment on both sides: it stays in the base, where pass-through wants it as well.
        for path in given.iter_mut().filter(|path| first_segment(path) == last) {
            let rest = path[1 + last.len()..].to_owned();
            **path = Cow::Owned(rest);
        }
    } else if is_version(last) && given.iter().any(|path| replaces_version(path)) {
        base_path = front.to_owned();
        for path in given.iter_mut().filter(|path| !replaces_version(path)) {
            let whole = format!("/{last}{path}");
            **path = Cow::Owned(whole);
        }
    }
    Appended { base_path, paths }
}

/// Every path that there is.
fn given(paths: &mut Paths) -> Vec<&mut Cow<'static, str>> {
    let Paths {
        chat,
        responses,
        messages,
        count_tokens,
        generate,
        native,
        openai,
        offers: _,
        rerank,
        models,
    } = paths;
    [chat, responses, messages, count_tokens, generate, native, openai, rerank, models]
        .into_iter()
        .flatten()
        .collect()
}

fn first_segment(path: &str) -> &str {
    let path = path.strip_prefix('/').unwrap_or(path);
    path.split(['/', '?']).next().unwrap_or_default()
}

fn replaces_version(path: &str) -> bool {
    is_version(first_segment(path)) || path.starts_with("/api/")
}

/// `v1`, `v1beta`, `v2`, `v1alpha1` …
fn is_version(segment: &str) -> bool {
    let Some(rest) = segment.strip_prefix('v') else { return false };
    rest.bytes().next().is_some_and(|b| b.is_ascii_digit())
        && rest.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'.')
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Base path and the path asked for, joined.
    fn joined(format: Format, base: &str, pick: fn(&Paths) -> &Option<Cow<'static, str>>) -> String {
        let appended = settle(format, base, None, None);
        format!("{}{}", appended.base_path, pick(&appended.paths).as_deref().unwrap_or("-"))
    }

    #[test]
    fn a_version_at_the_end_of_the_base_is_replaced_never_doubled() {
        for (format, base, chat) in [
            (Format::OpenAiChat, "", "/chat/completions"),
            (Format::OpenAiChat, "/v1", "/v1/chat/completions"),
            (Format::OpenAiChat, "/openai/v1", "/openai/v1/chat/completions"),
            (Format::OpenAiResponses, "/v1", "/v1/responses"),
            (Format::AnthropicMessages, "", "/v1/messages"),
            (Format::AnthropicMessages, "/v1", "/v1/messages"),
            (Format::AnthropicMessages, "/anthropic", "/anthropic/v1/messages"),
            (Format::AnthropicMessages, "/anthropic/v2", "/anthropic/v1/messages"),
            (Format::GeminiGenerate, "", "/v1beta/models"),
            (Format::GeminiGenerate, "/v1beta", "/v1beta/models"),
            (Format::GeminiGenerate, "/x/v1", "/x/v1beta/models"),
        ] {
            let pick = |paths: &Paths| {
                let own = paths.chat.as_ref().or(paths.responses.as_ref());
                own.or(paths.messages.as_ref()).or(paths.generate.as_ref()).cloned()
            };
            let appended = settle(format, base, None, None);
            let path = pick(&appended.paths).expect("a chat path");
            assert_eq!(format!("{}{path}", appended.base_path), chat, "{format} {base}");
        }
        let models = |format, base| joined(format, base, |paths| &paths.models);
        assert_eq!(models(Format::OllamaChat, "/v1"), "/api/tags");
        assert_eq!(models(Format::OllamaChat, "/api"), "/api/tags");
        assert_eq!(models(Format::CohereChat, "/v2"), "/v1/models");
        assert_eq!(models(Format::AnthropicMessages, "/v1"), "/v1/models");
    }

    #[test]
    fn what_does_not_bring_a_version_keeps_the_bases_one() {
        let appended = settle(Format::OpenAiChat, "/v1", Some("/v2/chat".into()), None);
        assert_eq!(appended.base_path, "");
        assert_eq!(appended.paths.chat.as_deref(), Some("/v2/chat"));
        assert_eq!(appended.paths.models.as_deref(), Some("/v1/models"));
        assert_eq!(appended.paths.openai.as_deref(), Some("/v1"));
    }

    #[test]
    fn versions_are_told_from_names() {
        for (segment, version) in
            [("v1", true), ("v1beta", true), ("v2.1", true), ("v", false), ("vllm", false), ("1", false)]
        {
            assert_eq!(is_version(segment), version, "{segment}");
        }
    }
}
