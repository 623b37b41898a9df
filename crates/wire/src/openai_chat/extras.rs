//! What hangs on an answer's text: sources and log probabilities. Both ways.
//! <https://platform.openai.com/docs/guides/tools-web-search?api-mode=chat>,
//! <https://platform.openai.com/docs/api-reference/chat/object#chat-object-choices-logprobs>

use crate::chat::{Citation, TokenLogprob};
use crate::json::{Json, Writer};
use std::borrow::Cow;
use std::collections::BTreeSet;

/// Reads an annotation; other kinds than `url_citation` are none of ours.
pub(super) fn read_annotation<'a>(annotation: &Json<'a>) -> Option<Citation<'a>> {
    let source = annotation.get("url_citation")?;
    let text = |name: &str| source.get(name).and_then(Json::cow).filter(|text| !text.is_empty());
    let number = |name: &str| source.get(name).and_then(Json::number);
    let (start, end) = (number("start_index"), number("end_index"));
    // OpenRouter writes 0 and 0 where it doesn't know.
    let known = (start, end) != (Some(0), Some(0));
    Some(Citation {
        url: text("url"),
        title: text("title"),
        cited: text("content"),
        start: start.filter(|_| known),
        end: end.filter(|_| known),
    })
}

/// Reads the sources that Perplexity and xAI list beside the choices, `search_results` and `citations`: the former
/// with titles, the latter only where the former has them not.
/// <https://docs.perplexity.ai/api-reference/chat-completions-post>
pub(super) fn read_sources<'a>(answer: &Json<'a>) -> Vec<Citation<'a>> {
    let text = |json: &Json<'a>, name: &str| json.get(name).and_then(Json::cow);
    let mut sources: Vec<Citation<'a>> = Vec::new();
    for result in answer.get("search_results").map_or(&[][..], Json::items) {
        if let Some(url) = text(result, "url") {
            sources.push(Citation { url: Some(url), title: text(result, "title"), ..Citation::default() });
        }
    }
    let mut known: BTreeSet<_> = sources.iter().filter_map(|source| source.url.clone()).collect();
    for citation in answer.get("citations").map_or(&[][..], Json::items) {
        let url: Option<Cow<'a, str>> = citation.cow().or_else(|| text(citation, "url"));
        if url.clone().is_some_and(|url| known.insert(url)) {
            sources.push(Citation { url, title: text(citation, "title"), ..Citation::default() });
        }
    }
    sources
}

/// Writes an annotation; `start` and `end` are the text that it hangs on, for sources that don't say more exactly.
/// What has no address can't be said.
pub(super) fn write_annotation(citation: &Citation<'_>, start: u64, end: u64, out: &mut Writer) {
    let Some(url) = &citation.url else { return };
    let from = citation.start.map_or(start, |offset| start.saturating_add(offset));
    let to = citation.end.map_or(end, |offset| start.saturating_add(offset));
    out.begin().member("type", "url_citation").name("url_citation").begin();
    out.member("url", url).member("title", citation.title.as_deref().unwrap_or(url));
    out.name("start_index").number(from).name("end_index").number(to);
    out.member_if("content", citation.cited.as_deref()).end().end();
}

/// Reads a choice's log probabilities, those of a refusal included.
pub(super) fn read_logprobs<'a>(choice: &Json<'a>) -> Vec<TokenLogprob<'a>> {
    let lists = ["content", "refusal"].into_iter().filter_map(|name| choice.at(&["logprobs", name]));
    lists.flat_map(Json::items).filter_map(read_token).collect()
}

fn read_token<'a>(token: &Json<'a>) -> Option<TokenLogprob<'a>> {
    let bytes = token.get("bytes").map(|bytes| {
        bytes.items().iter().filter_map(|byte| u8::try_from(byte.number()?).ok()).collect::<Vec<_>>()
    });
    let top = token.get("top_logprobs").map_or(&[][..], Json::items);
    Some(TokenLogprob {
        token: token.get("token")?.cow()?,
        logprob: token.get("logprob").and_then(Json::float).unwrap_or(-9999.0),
        bytes,
        // One level: an alternative has none of its own.
        top: top
            .iter()
            .filter_map(|other| {
                Some(TokenLogprob {
                    token: other.get("token")?.cow()?,
                    logprob: other.get("logprob").and_then(Json::float).unwrap_or(-9999.0),
                    bytes: other.get("bytes").map(|bytes| {
                        let bytes = bytes.items().iter();
                        bytes.filter_map(|byte| u8::try_from(byte.number()?).ok()).collect()
                    }),
                    top: Vec::new(),
                })
            })
            .collect(),
    })
}

/// Writes the value of `logprobs`.
pub(super) fn write_logprobs(tokens: &[TokenLogprob<'_>], out: &mut Writer) {
    if tokens.is_empty() {
        out.null();
        return;
    }
    out.begin().name("content").list();
    for token in tokens {
        out.begin();
        write_token(token, out);
        out.name("top_logprobs").list();
        for other in &token.top {
            out.begin();
            write_token(other, out);
            out.end();
        }
        out.end_list().end();
    }
    out.end_list().name("refusal").null().end();
}

fn write_token(token: &TokenLogprob<'_>, out: &mut Writer) {
    out.member("token", &token.token).name("logprob").float(token.logprob).name("bytes");
    match &token.bytes {
        Some(bytes) => {
            out.list();
            bytes.iter().for_each(|byte| {
                out.number(u64::from(*byte));
            });
            out.end_list();
        }
        None => {
            out.null();
        }
    }
}
