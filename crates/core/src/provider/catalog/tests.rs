use super::*;
use std::collections::HashSet;

fn stem(id: &str) -> String {
    id.to_ascii_uppercase().replace('-', "_")
}

fn paths(provider: &Provider) -> impl Iterator<Item = &str> {
    let p = &provider.paths;
    [&p.chat, &p.responses, &p.messages, &p.count_tokens, &p.generate, &p.openai, &p.rerank, &p.models]
        .into_iter()
        .filter_map(Option::as_deref)
}

#[test]
fn the_predecessors_order_comes_first() {
    let ids: Vec<&str> = builtins().iter().map(|provider| provider.id.as_ref()).collect();
    assert_eq!(
        ids.join(" "),
        "workers-ai anthropic cerebras cohere deepseek google-ai-studio grok groq huggingface mistral openai \
         openrouter perplexity-ai replicate ollama moonshot azure-openai google-vertex-ai aws-bedrock vllm \
         lm-studio llamafile echo"
    );
}

#[test]
fn names_are_unique_and_fit_in_a_path() {
    let mut seen = HashSet::new();
    // Words that are paths of ours.
    let taken = "v1 v1beta key g compat health ready ping status metrics admin models chat messages responses default";
    for provider in builtins() {
        for name in std::iter::once(provider.id.as_ref()).chain(provider.aliases.iter().copied()) {
            assert!(seen.insert(name), "{name} is there twice");
            assert!(!taken.split(' ').any(|word| word == name), "{name} is a path of ours");
            assert!(
                name.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-'),
                "{name}"
            );
            assert_eq!(find(builtins(), name).map(|found| &found.id), Some(&provider.id));
        }
        assert!(!provider.title.is_empty());
    }
    assert!(find(builtins(), "nobody").is_none());
}

#[test]
fn environment_names_are_unique_and_hold_the_one_made_from_the_id() {
    let mut seen = HashSet::new();
    for provider in builtins() {
        let own = stem(&provider.id);
        assert!(provider.key_env.contains(&format!("{own}_API_KEY").as_str()), "{own}");
        assert_eq!(provider.env_stems.first(), Some(&own.as_str()));
        for name in provider.key_env.iter().chain(provider.env_stems) {
            assert!(seen.insert(*name), "{name} is there twice");
            assert!(
                name.bytes().all(|b| b.is_ascii_uppercase() || b.is_ascii_digit() || b == b'_'),
                "{name}"
            );
        }
    }
}

#[test]
fn the_predecessors_key_variable_comes_first_since_it_names_the_shard() {
    for (id, name) in [
        ("workers-ai", "CLOUDFLARE_API_KEY"),
        ("google-ai-studio", "GEMINI_API_KEY"),
        ("grok", "GROK_API_KEY"),
        ("perplexity-ai", "PERPLEXITYAI_API_KEY"),
        ("moonshot", "MOONSHOT_API_KEY"),
        ("openai", "OPENAI_API_KEY"),
    ] {
        assert_eq!(find(builtins(), id).and_then(|p| p.key_env.first().copied()), Some(name));
    }
}

#[test]
fn base_urls_and_paths_join_with_one_slash() {
    for provider in builtins() {
        if let Some(base) = provider.base_url {
            let plain = base.replace("{account}", "a1");
            let url: http::Uri = plain.parse().expect("a valid URL");
            assert_eq!(url.scheme_str(), Some("https"), "{base}");
            assert!(url.host().is_some() && !base.ends_with('/') && !base.contains('?'), "{base}");
        }
        for path in paths(provider) {
            assert!(path.is_empty() || path.starts_with('/'), "{}: {path}", provider.id);
            assert!(
                !path.ends_with('/') && !path.contains("//") && !path.contains(' '),
                "{}: {path}",
                provider.id
            );
            let _: http::Uri = format!("https://host{path}").parse().expect("a valid path");
        }
        assert!(provider.local || provider.base_url.is_some() || !provider.key_env.is_empty());
    }
}

#[test]
fn what_is_offered_has_a_place() {
    for provider in builtins() {
        let Provider { id, paths, models, .. } = provider;
        assert_eq!(paths.openai.is_some(), !paths.offers.is_empty(), "{id}: prefix and offers go together");
        assert_eq!(
            paths.models.is_some(),
            models.shape != ModelShape::None,
            "{id}: model list and its shape"
        );
        assert!(paths.count_tokens.is_none() || paths.messages.is_some(), "{id}");
        let unique: HashSet<String> = paths.offers.iter().map(|offer| format!("{offer:?}")).collect();
        assert_eq!(unique.len(), paths.offers.len(), "{id}: an offer is there twice");
        assert!(!(paths.rerank.is_some() && paths.offers.contains(&Offer::Rerank)), "{id}: two reranks");
        // Only these shapes say whose a model is; the others need to be told.
        let says = matches!(models.shape, ModelShape::OpenAi | ModelShape::OpenAiKept | ModelShape::None);
        assert_eq!(says, models.owned_by.is_empty(), "{id}");
    }
}

#[test]
fn every_credential_header_is_a_header_and_covers_all_paths() {
    for provider in builtins() {
        assert_eq!(provider.auth.first().map(|rule| rule.under), Some(""), "{}", provider.id);
        for rule in provider.auth {
            if let Auth::Header(name) = rule.how {
                let parsed: http::HeaderName = name.parse().expect("a header name");
                assert_eq!(parsed.as_str(), name, "written in lower case");
            }
        }
        for (name, value) in provider.default_headers {
            let _: http::HeaderName = name.parse().expect("a header name");
            let _: http::HeaderValue = value.parse().expect("a header value");
        }
    }
}

#[test]
fn no_model_prefix_fits_two_providers() {
    let all: Vec<(&str, &str)> = builtins()
        .iter()
        .flat_map(|provider| provider.model_prefixes.iter().map(|prefix| (provider.id.as_ref(), *prefix)))
        .collect();
    for (i, (id, prefix)) in all.iter().enumerate() {
        for (other, longer) in &all[i + 1..] {
            // `#` is a digit: `1` stands in for it.
            let (a, b) = (prefix.replace('#', "1"), longer.replace('#', "1"));
            assert!(
                !prefix_fits(prefix, &b) && !prefix_fits(longer, &a),
                "{prefix} of {id} and {longer} of {other} overlap"
            );
        }
    }
}

#[test]
fn bare_model_names_find_their_provider() {
    for (model, id) in [
        ("claude-sonnet-4-5", "anthropic"),
        ("gpt-5", "openai"),
        ("o3-mini", "openai"),
        ("o1", "openai"),
        ("codex-mini-latest", "openai"),
        ("text-embedding-3-small", "openai"),
        ("whisper-1", "openai"),
        ("gemini-2.5-pro", "google-ai-studio"),
        ("grok-4", "grok"),
        ("command-a-03-2025", "cohere"),
        ("mistral-large-latest", "mistral"),
        ("codestral-latest", "mistral"),
        ("deepseek-chat", "deepseek"),
        ("sonar", "perplexity-ai"),
        ("sonar-pro", "perplexity-ai"),
        ("kimi-k2", "moonshot"),
        ("@cf/meta/llama-3.1-8b-instruct", "workers-ai"),
    ] {
        let found: Vec<&str> = builtins()
            .iter()
            .filter(|p| p.model_prefixes.iter().any(|prefix| prefix_fits(prefix, model)))
            .map(|p| p.id.as_ref())
            .collect();
        assert_eq!(found, [id], "{model}");
    }
    for model in ["", "o", "omni", "llama-3.3-70b", "olmo-2", "whisper-large-v3", "my-gpt-5"] {
        let fits = |p: &Provider| p.model_prefixes.iter().any(|prefix| prefix_fits(prefix, model));
        assert!(!builtins().iter().any(fits), "{model}");
    }
}

#[test]
fn the_gateway_knows_the_predecessors_providers() {
    let known = "anthropic openai groq mistral cohere perplexity-ai workers-ai google-ai-studio grok deepseek cerebras \
                 openrouter azure-openai aws-bedrock google-vertex-ai huggingface replicate";
    for id in known.split_whitespace() {
        assert!(find(builtins(), id).is_some_and(|p| p.gateway.is_some()), "{id}");
    }
    for id in ["ollama", "moonshot", "vllm", "lm-studio", "llamafile", "echo"] {
        assert!(find(builtins(), id).is_some_and(|p| p.gateway.is_none()), "{id}");
    }
    for provider in builtins() {
        if let Some(gateway) = provider.gateway {
            assert_eq!(gateway.slug, provider.id);
        }
    }
}

/// What holds for a model of a provider.
fn quirks_of(provider: &str, model: &str) -> Quirks {
    let provider = find(builtins(), provider).expect("a provider");
    quirks::of(&provider.quirks, provider.rules, model)
}

#[test]
fn efforts_are_those_that_the_model_knows() {
    use wharf_wire::chat::Effort::{High, Low, Max, Medium, Minimal, None, XHigh};
    let cases = [
        ("openai", "gpt-5", Max, High),
        ("openai", "gpt-5", None, Minimal),
        ("openai", "gpt-5-mini-2025-08-07", XHigh, High),
        ("openai", "gpt-5-codex", Minimal, Low),
        ("openai", "gpt-5-pro", Low, High),
        ("openai", "o3", Max, High),
        ("openai", "gpt-5.1", None, None),
        ("openai", "gpt-5.1", Minimal, None),
        ("openai", "gpt-5.1-codex", None, Low),
        ("openai", "gpt-5.1-codex-max", XHigh, XHigh),
        ("openai", "gpt-5.4", Max, XHigh),
        ("openai", "gpt-5.6-sol", Max, Max),
        ("azure-openai", "gpt-5", XHigh, High),
        ("grok", "grok-3-mini", Medium, Low),
        ("grok", "grok-4.3", Max, High),
    ];
    for (provider, model, wanted, sent) in cases {
        assert_eq!(quirks_of(provider, model).effort(wanted), sent, "{model}: {wanted:?}");
    }
}

#[test]
fn what_a_model_refuses_is_known_by_its_whole_name() {
    use wharf_wire::chat::{Effort, Field, ReasoningAsk, ReasoningWish};
    for (model, temperature, stop, reasons) in [
        ("gpt-5", true, true, true),
        ("gpt-5-2025-08-07", true, true, true),
        ("gpt-5.1", false, true, true),
        ("o3", true, true, true),
        ("o3-mini", true, false, true),
        ("gpt-5-chat-latest", false, false, false),
        ("gpt-4o", false, false, false),
        ("gpt-4.1-mini", false, false, false),
    ] {
        let quirks = quirks_of("openai", model);
        assert_eq!(quirks.refuses(Field::Temperature), temperature, "{model}");
        assert_eq!(quirks.refuses(Field::Stop), stop, "{model}");
        assert_eq!(quirks.reasoning != ReasoningAsk::None, reasons, "{model}");
    }
    let asked = |effort| ReasoningWish { effort: Some(effort), ..ReasoningWish::default() };
    let quirks = quirks_of("openai", "gpt-5.1");
    assert!(quirks.for_wish(&asked(Effort::Low)).refuses(Field::Temperature));
    assert!(!quirks.for_wish(&asked(Effort::None)).refuses(Field::Temperature));
    assert_eq!(quirks_of("grok", "grok-4").reasoning, ReasoningAsk::None);
    assert_eq!(quirks_of("grok", "grok-4.3").reasoning, ReasoningAsk::Effort);
}
