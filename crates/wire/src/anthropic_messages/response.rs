//! A whole answer, read and written. <https://platform.claude.com/docs/en/api/messages>

use super::types::{
    Thinking, finish_of, finish_word, is_nothing, redacted, signed, thinking, tier_of, tier_word, write_usage,
};
use crate::Usage;
use crate::chat::{
    ANSWER_TOOL, Choice, Citation, Failure, Finish, Part, Reasoning, Response, Text, ToolCall, detach,
    failure_from, mint_id,
};
use crate::json::{Json, Writer};
use crate::translate::Context;
use std::borrow::Cow;

/// The blocks of an answer. None at all may be there, but the list must be.
fn content<'j, 'a>(body: &'j Json<'a>) -> Result<&'j [Json<'a>], Failure> {
    match body.get("content") {
        Some(Json::Array(blocks)) => Ok(&blocks.items),
        _ => Err(Failure::malformed("an answer without `content`")),
    }
}

/// Reads an upstream's answer. Blocks of the vendor's own tools are left out: what came of them is in the text.
pub(super) fn read<'a>(body: &Json<'a>, context: &Context) -> Result<Response<'a>, Failure> {
    if !matches!(body, Json::Object(_)) {
        return Err(Failure::malformed(format_args!("the answer is {}", body.kind())));
    }
    if body.get("type").and_then(Json::text) == Some("error") || body.get("error").is_some() {
        return Err(failure_from(0, body.raw().as_bytes()));
    }
    let id = body.get("id").and_then(Json::cow);
    let blocks = content(body)?;
    let mut parts = Vec::with_capacity(blocks.len());
    let (mut said, mut calls, mut answered) = (0, 0_usize, false);
    for block in blocks {
        match block.get("type").and_then(Json::text) {
            Some("text") => {
                let text = read_text(block, &mut said);
                if !text.is_empty() {
                    parts.push(Part::Text(text));
                }
            }
            Some("tool_use") if block.get("name").and_then(Json::text) == Some(ANSWER_TOOL) => {
                answered = true;
                parts.push(Part::text(block.get("input").map_or(Cow::Borrowed("{}"), Json::raw)));
            }
            Some("tool_use") => {
                let id = id.as_deref().unwrap_or(&context.request_id);
                parts.push(Part::ToolCall(read_call(block, || mint_id(id, calls))));
                calls += 1;
            }
            Some("thinking") => {
                let text = block.get("thinking").and_then(Json::cow).unwrap_or_default();
                let state = block.get("signature").and_then(Json::cow).and_then(signed);
                let reasoning = Reasoning { text, state, ..Reasoning::default() };
                if !is_nothing(&reasoning) {
                    parts.push(Part::Reasoning(reasoning));
                }
            }
            Some("redacted_thinking") => {
                let state = block.get("data").and_then(Json::cow).map(redacted);
                if state.is_some() {
                    parts.push(Part::Reasoning(Reasoning { state, ..Reasoning::default() }));
                }
            }
            _ => {}
        }
    }
    let reason = finish_of(body.get("stop_reason").and_then(Json::text).unwrap_or_default());
    let choice = Choice {
        parts,
        finish: finished(reason, calls > 0, answered),
        stop_sequence: body.get("stop_sequence").and_then(Json::cow),
        ..Choice::default()
    };
    Ok(Response {
        id,
        model: body.get("model").and_then(Json::cow),
        choices: vec![choice],
        usage: body.get("usage").map(|usage| Usage::read(usage.raw().as_bytes())).unwrap_or_default(),
        service_tier: body.at(&["usage", "service_tier"]).and_then(tier),
        ..Response::default()
    })
}

/// The tier that served it, by the neutral name.
pub(super) fn tier<'a>(word: &Json<'a>) -> Option<Cow<'a, str>> {
    Some(match word.cow()? {
        Cow::Borrowed(word) => Cow::Borrowed(tier_of(word)),
        Cow::Owned(word) => Cow::Owned(tier_of(&word).to_owned()),
    })
}

/// The reason, where the one tool that was called stands for the answer.
pub(super) const fn finished(reason: Finish, called: bool, answered: bool) -> Finish {
    match reason {
        Finish::ToolCalls if answered && !called => Finish::Stop,
        other => other.with_tools(called),
    }
}

fn read_text<'a>(block: &Json<'a>, said: &mut u64) -> Text<'a> {
    let text = block.get("text").and_then(Json::cow).unwrap_or_default();
    let start = *said;
    *said += text.chars().count() as u64;
    let found = block.get("citations").map_or(&[][..], Json::items);
    let citations = found.iter().map(|found| placed(citation(found), start, *said)).collect();
    Text { text, citations, ..Text::default() }
}

/// A citation is of the block that it stands in.
pub(super) fn placed(citation: Citation<'_>, start: u64, end: u64) -> Citation<'_> {
    Citation { start: Some(start), end: Some(end), ..citation }
}

/// <https://platform.claude.com/docs/en/build-with-claude/citations>: where in the source the words stand has no place
/// in the neutral model.
pub(super) fn citation<'a>(found: &Json<'a>) -> Citation<'a> {
    let text = |names: &[&str]| names.iter().find_map(|name| found.get(name)?.cow());
    Citation {
        url: text(&["url", "source"]),
        title: text(&["title", "document_title"]),
        cited: text(&["cited_text"]),
        ..Citation::default()
    }
}

fn read_call<'a>(block: &Json<'a>, mint: impl FnOnce() -> String) -> ToolCall<'a> {
    let id = block.get("id").and_then(Json::cow).filter(|id| !id.is_empty());
    ToolCall {
        id: id.unwrap_or_else(|| Cow::Owned(mint())),
        name: block.get("name").and_then(Json::cow).unwrap_or_default(),
        arguments: block.get("input").map_or(Cow::Borrowed("{}"), Json::raw),
        ..ToolCall::default()
    }
}

/// Writes an answer for a caller. The dialect has one choice: the first.
pub(super) fn write(response: Response<'_>, context: &Context) -> Vec<u8> {
    let mut out = Writer::with_capacity(1024);
    let usage = response.usage;
    let tier = response.service_tier.as_deref().and_then(tier_word);
    out.begin();
    head(response.id.as_deref(), response.model.as_deref(), context, &mut out);
    let choice = response.choices.into_iter().next().unwrap_or_default();
    let refused = choice.parts.iter().any(|part| matches!(part, Part::Refusal(_)));
    out.name("content").list();
    for part in detach(choice.parts) {
        write_part(&part, &mut out);
    }
    out.end_list();
    write_end(choice.finish, refused, choice.stop_sequence.as_deref(), &mut out);
    out.name("usage").begin();
    write_usage(&usage, &mut out);
    out.member_if("service_tier", tier).end();
    out.end();
    out.into_bytes()
}

/// The members that every answer begins with.
pub(super) fn head(id: Option<&str>, model: Option<&str>, context: &Context, out: &mut Writer) {
    match id.filter(|id| !id.is_empty()) {
        Some(id) => out.member("id", id),
        None => out.name("id").strings(&["msg_", &context.request_id]),
    };
    out.member("type", "message").member("role", "assistant");
    out.member("model", model.filter(|model| !model.is_empty()).unwrap_or(&context.model));
}

/// Why it ended.
pub(super) fn write_end(finish: Finish, refused: bool, stop_sequence: Option<&str>, out: &mut Writer) {
    let finish = if refused && finish == Finish::Stop { Finish::Refusal } else { finish };
    out.member("stop_reason", finish_word(finish)).name("stop_sequence");
    match stop_sequence {
        Some(text) => out.string(text),
        None => out.null(),
    };
}

fn write_part(part: &Part<'_>, out: &mut Writer) {
    match part {
        Part::Text(text) if text.is_empty() => {}
        Part::Text(text) => {
            out.begin().member("type", "text").member("text", &text.text);
            if text.citations.iter().any(|citation| citation.url.is_some()) {
                out.name("citations").list();
                for citation in &text.citations {
                    write_citation(citation, out);
                }
                out.end_list();
            }
            out.end();
        }
        Part::Reasoning(reasoning) if is_nothing(reasoning) => {}
        Part::Reasoning(reasoning) => match thinking(&reasoning.text, reasoning.state.as_ref()) {
            Thinking::Redacted(data) => {
                out.begin().member("type", "redacted_thinking").member("data", data).end();
            }
            Thinking::Signed(signature) => {
                out.begin().member("type", "thinking").member("thinking", &reasoning.text);
                out.member("signature", &signature).end();
            }
        },
        Part::ToolCall(call) => {
            out.begin().member("type", "tool_use").member("id", &call.id).member("name", &call.name);
            out.name("input").raw(&call.object()).end();
        }
        Part::Refusal(text) | Part::Json(text) => plain(text, out),
        // The dialect's answers have no place for images and recordings; results are never part of one.
        Part::Media(_) | Part::ToolResult(_) => {}
    }
}

fn plain(text: &str, out: &mut Writer) {
    out.begin().member("type", "text").member("text", text).end();
}

/// One with an address; the others' kinds name documents of the request that are not known here.
pub(super) fn write_citation(citation: &Citation<'_>, out: &mut Writer) {
    let Some(url) = &citation.url else { return };
    out.begin().member("type", "web_search_result_location");
    out.member("cited_text", citation.cited.as_deref().unwrap_or_default());
    out.member("encrypted_index", "").name("title");
    match &citation.title {
        Some(title) => out.string(title),
        None => out.null(),
    };
    out.member("url", url).end();
}
