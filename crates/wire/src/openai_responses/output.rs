//! Output items and the response object around them, written alike for whole answers and for streams.

use super::tools_in::split;
use super::types::{Ended, error_code, nullable, tier, write_usage};
use crate::Usage;
use crate::chat::{Citation, Failure, Request, State, StateKind, TokenLogprob, arguments_text, mint_id};
use crate::json::Writer;
use crate::translate::Context;
use std::borrow::Cow;

/// What a response object has at its beginning, and what it repeats of its request.
#[derive(Debug)]
pub(super) struct Head {
    pub(super) id: String,
    pub(super) model: String,
    pub(super) created: u64,
    pub(super) now: u64,
    /// Groups of tools, whose calls have their names apart.
    pub(super) namespaces: Vec<String>,
    /// Names of all tools, where some are grouped.
    pub(super) tools: Vec<String>,
    echo: String,
}

impl Head {
    pub(super) fn new(
        id: Option<&str>,
        model: Option<&str>,
        created: Option<u64>,
        context: &Context,
    ) -> Self {
        let id = id.filter(|id| !id.is_empty()).unwrap_or(&context.request_id);
        let model = model.filter(|model| !model.is_empty()).unwrap_or(&context.model);
        let echo = if context.echo.is_empty() {
            super::echo::members(&Request::default(), &super::echo::Said::default())
        } else {
            context.echo.clone()
        };
        Self {
            id: if id.starts_with("resp_") { id.to_owned() } else { format!("resp_{id}") },
            model: model.to_owned(),
            created: created.unwrap_or(context.now),
            now: context.now,
            namespaces: context.namespaces.clone(),
            tools: context.tools.clone(),
            echo,
        }
    }

    /// The id of an output item: the same for the same answer and place.
    pub(super) fn item_id(&self, kind: &str, index: usize) -> String {
        let minted = mint_id(&self.id, index);
        [kind, "_", minted.trim_start_matches("call_")].concat()
    }
}

/// How far a response has come, beside its output.
#[derive(Debug, Default)]
pub(super) struct Standing<'s> {
    /// `None`: it is in progress.
    pub(super) ended: Option<Ended>,
    pub(super) usage: Usage,
    pub(super) tier: Option<&'s str>,
    pub(super) failure: Option<&'s Failure>,
}

/// The response object; `output` writes its items.
pub(super) fn response(
    out: &mut Writer,
    head: &Head,
    standing: &Standing<'_>,
    output: impl FnOnce(&mut Writer),
) {
    let status = standing.ended.map_or("in_progress", Ended::status);
    out.begin().member("id", &head.id).member("object", "response");
    out.name("created_at").number(head.created).member("status", status).name("completed_at");
    match standing.ended {
        Some(Ended::Completed) => out.number(head.now.max(head.created)),
        _ => out.null(),
    };
    out.name("error");
    match (standing.failure, standing.ended) {
        (Some(failure), _) => {
            out.begin().member("code", error_code(failure)).member("message", &failure.message).end()
        }
        (None, Some(Ended::Failed)) => {
            let message = "The model broke off its answer.";
            out.begin().member("code", "server_error").member("message", message).end()
        }
        _ => out.null(),
    };
    out.name("incomplete_details");
    match standing.ended {
        Some(Ended::Incomplete(reason)) => out.begin().member("reason", reason).end(),
        _ => out.null(),
    };
    out.member("model", &head.model).name("output").list();
    output(out);
    out.end_list();
    write_usage(&standing.usage, out);
    nullable(out, "service_tier", standing.tier.and_then(tier));
    out.raw(&head.echo).end();
}

/// One part of a message.
#[derive(Debug, Default)]
pub(super) struct Content<'a> {
    pub(super) refusal: bool,
    pub(super) text: Cow<'a, str>,
    /// Sources, as items of a JSON list.
    pub(super) annotations: String,
    /// Log probabilities, the same way.
    pub(super) logprobs: String,
}

/// A part of a message.
pub(super) fn content(out: &mut Writer, content: &Content<'_>) {
    if content.refusal {
        out.begin().member("type", "refusal").member("refusal", &content.text).end();
        return;
    }
    out.begin().member("type", "output_text").name("annotations");
    raw_list(out, &content.annotations);
    out.name("logprobs");
    raw_list(out, &content.logprobs);
    out.member("text", &content.text).end();
}

/// A list of items that are written already.
pub(super) fn raw_list(out: &mut Writer, items: &str) {
    out.list();
    if !items.is_empty() {
        out.raw(items);
    }
    out.end_list();
}

/// A message.
pub(super) fn message(out: &mut Writer, id: &str, status: &str, contents: &[Content<'_>]) {
    out.begin().member("id", id).member("type", "message").member("status", status);
    out.name("content").list();
    contents.iter().for_each(|part| content(out, part));
    out.end_list().member("role", "assistant").end();
}

/// Reasoning: what can be read of it as a summary, which all clients show, and its state.
pub(super) fn reasoning(out: &mut Writer, id: &str, text: &str, state: Option<&State<'_>>) {
    out.begin().member("id", id).member("type", "reasoning").name("summary").list();
    if !text.is_empty() {
        out.begin().member("type", "summary_text").member("text", text).end();
    }
    out.end_list();
    match state {
        None => out.name("encrypted_content").null(),
        Some(own) if own.kind == StateKind::OpenAiEncrypted => out.member("encrypted_content", &own.data),
        Some(foreign) => out.member("encrypted_content", &foreign.wrap()),
    };
    out.end();
}

/// A call on its way or made.
#[derive(Debug)]
pub(super) struct Call<'a> {
    pub(super) item_id: Cow<'a, str>,
    pub(super) id: Cow<'a, str>,
    pub(super) name: Cow<'a, str>,
    pub(super) custom: bool,
    pub(super) arguments: Cow<'a, str>,
}

impl Call<'_> {
    /// The arguments as they are told: never nothing, but for a custom tool.
    pub(super) fn told(&self) -> &str {
        if self.custom { &self.arguments } else { arguments_text(&self.arguments) }
    }

    /// The item; while it is `in_progress` without arguments.
    pub(super) fn write(&self, head: &Head, out: &mut Writer, status: &str) {
        let (group, name) = split(&head.namespaces, &head.tools, &self.name);
        let told = if status == "in_progress" { "" } else { self.told() };
        let (kind, member) =
            if self.custom { ("custom_tool_call", "input") } else { ("function_call", "arguments") };
        out.begin().member("id", &self.item_id).member("type", kind).member("status", status);
        out.member(member, told).member("call_id", &self.id).member("name", name);
        out.member_if("namespace", group).end();
    }

    /// What its item's id begins with.
    pub(super) const fn prefix(custom: bool) -> &'static str {
        if custom { "ctc" } else { "fc" }
    }
}

/// A generated image.
pub(super) fn image(out: &mut Writer, id: &str, status: &str, data: Option<&str>) {
    out.begin().member("id", id).member("type", "image_generation_call").member("status", status);
    nullable(out, "result", data);
    out.end();
}

/// A source. Without an address it counts as a file: <https://platform.openai.com/docs/guides/citation-formatting>.
pub(super) fn annotation(out: &mut Writer, citation: &Citation<'_>) {
    let title = citation.title.as_deref().unwrap_or_default();
    out.begin();
    match citation.url.as_deref() {
        Some(url) => {
            out.member("type", "url_citation").member("url", url).member("title", title);
            out.name("start_index").number(citation.start.unwrap_or(0));
            out.name("end_index").number(citation.end.unwrap_or(0));
        }
        None => {
            out.member("type", "file_citation").member("file_id", title).member("filename", title);
            out.name("index").number(citation.end.unwrap_or(0));
        }
    }
    out.end();
}

/// Log probabilities, as items of a list.
pub(super) fn logprobs(tokens: &[TokenLogprob<'_>]) -> String {
    let mut out = Writer::default();
    tokens.iter().for_each(|token| logprob(&mut out, token, true));
    out.into_string()
}

fn logprob(out: &mut Writer, token: &TokenLogprob<'_>, top: bool) {
    out.begin().member("token", &token.token).name("logprob").float(token.logprob).name("bytes").list();
    match &token.bytes {
        Some(bytes) => bytes.iter().for_each(|byte| {
            out.number(u64::from(*byte));
        }),
        None => token.token.bytes().for_each(|byte| {
            out.number(u64::from(byte));
        }),
    }
    out.end_list();
    if top {
        out.name("top_logprobs").list();
        token.top.iter().for_each(|other| logprob(out, other, false));
        out.end_list();
    }
    out.end();
}
