//! The README's table of providers, out of the catalogue.

use std::fmt::Write;
use wharf_core::provider::{Offer, Provider};

/// One row a provider, in catalogue order.
pub(crate) fn table(providers: &[Provider]) -> String {
    let mut out = String::from(
        "| provider | what to set | model routes in its own format | bare model names | AI Gateway |\n\
         | --- | --- | --- | --- | --- |\n",
    );
    for provider in providers {
        let gateway = provider.gateway.map_or("", |slug| if slug.own_paths { "pass-through" } else { "yes" });
        // Writing to a string cannot fail.
        let _ = writeln!(
            out,
            "| {} | {} | {} | {} | {gateway} |",
            name(provider),
            needs(provider),
            routes(provider).join(", "),
            prefixes(provider)
        );
    }
    out
}

fn name(provider: &Provider) -> String {
    let aliases: Vec<String> = provider.aliases.iter().map(|alias| format!("`{alias}`")).collect();
    let id = format!("`{}`", provider.id);
    let also = if aliases.is_empty() { String::new() } else { format!(" (also {})", aliases.join(", ")) };
    format!("{id}{also}<br>{}", provider.title)
}

/// The variables that make it available; what may be left out stands in brackets.
fn needs(provider: &Provider) -> String {
    if provider.local {
        return "nothing".into();
    }
    let mut parts = Vec::new();
    let base = provider.env_stems.first().map(|stem| format!("`{stem}_BASE_URL`"));
    if let (None, Some(base)) = (provider.base_url, base) {
        parts.push(base);
    }
    if provider.base_url.is_some_and(|url| url.contains("{account}")) {
        parts.push("`CLOUDFLARE_ACCOUNT_ID`".into());
    }
    let keys: Vec<String> = provider.key_env.iter().map(|name| format!("`{name}`")).collect();
    let keys = keys.join(" or ");
    parts.push(if provider.keyless { format!("({keys})") } else { keys });
    parts.join(", ")
}

/// What can be asked by model name, in the words of the README's table of routes.
fn routes(provider: &Provider) -> Vec<&'static str> {
    let paths = &provider.paths;
    let offers = |offer| paths.openai.is_some() && paths.offers.contains(&offer);
    [
        ("chat", paths.chat.is_some()),
        ("responses", paths.responses.is_some()),
        ("messages", paths.messages.is_some()),
        ("count_tokens", paths.count_tokens.is_some()),
        ("generate", paths.generate.is_some()),
        ("embeddings", offers(Offer::Embeddings)),
        ("completions", offers(Offer::Completions)),
        ("moderations", offers(Offer::Moderations)),
        ("images", offers(Offer::Images)),
        ("audio", offers(Offer::Audio)),
        ("rerank", paths.rerank.is_some() || offers(Offer::Rerank)),
        ("models", paths.models.is_some()),
    ]
    .into_iter()
    .filter_map(|(word, served)| served.then_some(word))
    .collect()
}

fn prefixes(provider: &Provider) -> String {
    let shown = |prefix: &&str| format!("`{}…`", prefix.replace('#', "<digit>"));
    provider.model_prefixes.iter().map(shown).collect::<Vec<_>>().join(" ")
}

#[cfg(test)]
mod tests {
    use super::*;
    use wharf_core::provider::catalog::{builtins, find};

    #[test]
    fn every_built_in_has_one_row_of_five_cells() {
        let table = table(builtins());
        let rows: Vec<&str> = table.lines().skip(2).collect();
        assert_eq!(rows.len(), builtins().len());
        assert!(table.lines().all(|line| line.matches('|').count() == 6));
        for provider in builtins() {
            assert_eq!(rows.iter().filter(|row| row.starts_with(&format!("| `{}`", provider.id))).count(), 1);
        }
    }

    #[test]
    fn a_row_says_what_must_be_set() {
        let row = |name| needs(find(builtins(), name).unwrap());
        assert_eq!(row("openai"), "`OPENAI_API_KEY`");
        assert_eq!(
            row("workers-ai"),
            "`CLOUDFLARE_ACCOUNT_ID`, `CLOUDFLARE_API_KEY` or `WORKERS_AI_API_KEY`"
        );
        assert_eq!(row("vllm"), "`VLLM_BASE_URL`, (`VLLM_API_KEY`)");
        assert_eq!(row("azure-openai"), "`AZURE_OPENAI_BASE_URL`, `AZURE_OPENAI_API_KEY`");
        assert_eq!(row("echo"), "nothing");
    }

    #[test]
    fn routes_are_those_with_a_path() {
        let row = |name| routes(find(builtins(), name).unwrap());
        assert!(row("anthropic").contains(&"messages") && !row("anthropic").contains(&"embeddings"));
        assert!(row("google-ai-studio").contains(&"generate"));
        assert!(row("replicate").is_empty(), "pass-through only");
        assert!(prefixes(find(builtins(), "openai").unwrap()).contains("`o<digit>…`"));
    }
}
