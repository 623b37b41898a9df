//! A streamed answer: <https://docs.cohere.com/v2/docs/streaming>. The name of an event is in its data too; what came
//! between the start and end of a thing has its number in `index`.

use super::{citations, types};
use crate::Usage;
use crate::chat::{Blocks, Event, Failure, Finish, mint_id};
use crate::json::{Json, parse_lossy};
use crate::translate::{Context, ReadStream};
use std::borrow::Cow;

/// Reads the events.
#[derive(Debug)]
pub(super) struct Reader {
    blocks: Blocks,
    begun: bool,
    done: bool,
    /// What ids are made of where none is given.
    answer: String,
    calls: usize,
    /// What came of arguments that may still become `null`; `None`: they are something else.
    null: Option<&'static str>,
}

type On<'o> = &'o mut dyn FnMut(Event<'_>);

impl Reader {
    pub(super) fn new(context: &Context) -> Self {
        Self {
            blocks: Blocks::default(),
            begun: false,
            done: false,
            answer: context.request_id.clone(),
            calls: 0,
            null: Some(""),
        }
    }
}

impl ReadStream for Reader {
    fn push(&mut self, name: &str, data: &[u8], on: &mut dyn FnMut(Event<'_>)) -> Result<(), Failure> {
        // Version 2 knows no such end, though some servers of it send one.
        if data.trim_ascii() == b"[DONE]" {
            return Ok(());
        }
        let json = parse_lossy(data).map_err(Failure::malformed)?;
        let kind = json.get("type").and_then(Json::text).unwrap_or(name);
        if json.get("delta").is_none() && (json.get("message").is_some() || json.get("error").is_some()) {
            return Err(types::read_error(0, data));
        }
        self.begin(&json, on);
        let index = json.get("index").and_then(Json::number).unwrap_or(0);
        let message = json.at(&["delta", "message"]);
        match kind {
            "content-start" | "content-delta" => {
                if let Some(content) = message.and_then(|message| message.get("content")) {
                    self.content(content, on);
                }
                let logprobs = json.get("logprobs").or_else(|| json.at(&["delta", "logprobs"]));
                if let Some(token) = logprobs.and_then(types::logprobs) {
                    on(Event::Logprobs(0, vec![token]));
                }
            }
            "content-end" => {
                self.blocks.end_text(0, None, on);
                self.blocks.end_reasoning(0, None, on);
            }
            "tool-plan-delta" => {
                let plan = message.and_then(|message| message.get("tool_plan")).and_then(Json::cow);
                self.blocks.reasoning(0, false, plan.unwrap_or_default(), on);
            }
            "tool-call-start" | "tool-call-delta" => {
                if let Some(call) = message.and_then(|message| message.get("tool_calls")) {
                    // The documentation shows an object, its types a list.
                    let call = call.items().first().unwrap_or(call);
                    self.call(kind == "tool-call-start", index, call, on);
                }
            }
            "tool-call-end" => {
                self.blocks.end_tool(0, index, on);
            }
            "citation-start" => {
                if let Some(cited) = message.and_then(|message| message.get("citations")) {
                    let slot = self.blocks.text_slot(0, on);
                    let one = std::slice::from_ref(cited);
                    let all = if cited.items().is_empty() { one } else { cited.items() };
                    for citation in all {
                        citations::read(citation, |citation| on(Event::Citation(slot, citation)));
                    }
                }
            }
            "message-end" => return self.end(&json, on),
            _ => {}
        }
        Ok(())
    }

    fn finish(&mut self, _on: &mut dyn FnMut(Event<'_>)) {}
}

impl Reader {
    fn begin(&mut self, json: &Json<'_>, on: On<'_>) {
        if std::mem::replace(&mut self.begun, true) {
            return;
        }
        let id = json.get("id").and_then(Json::cow);
        if let Some(id) = &id {
            self.answer = id.to_string();
        }
        on(Event::Start { id, model: None, created: None });
    }

    fn content(&mut self, content: &Json<'_>, on: On<'_>) {
        let text = |name| content.get(name).and_then(Json::cow).unwrap_or_default();
        self.blocks.reasoning(0, false, text("thinking"), on);
        self.blocks.text(0, text("text"), on);
    }

    fn call(&mut self, starts: bool, index: u64, call: &Json<'_>, on: On<'_>) {
        let text = |path: &[&str]| call.at(path).and_then(Json::cow).filter(|text| !text.is_empty());
        if starts {
            let id = text(&["id"]).unwrap_or_else(|| Cow::Owned(mint_id(&self.answer, self.calls)));
            self.calls += 1;
            self.null = Some("");
            let name = text(&["function", "name"]).unwrap_or_default();
            self.blocks.tool(0, index, id, name, false, None, on);
        }
        let Some(arguments) = text(&["function", "arguments"]) else { return };
        // `null` may come in place of arguments, perhaps in pieces: held until it is something else.
        if let Some(held) = self.null {
            let rest = NULL.get(held.len()..).unwrap_or_default();
            if rest.starts_with(&*arguments) {
                self.null = NULL.get(..held.len() + arguments.len());
                return;
            }
            self.null = None;
            self.blocks.tool_delta(0, index, Cow::Borrowed(held), on);
        }
        self.blocks.tool_delta(0, index, arguments, on);
    }

    fn end(&mut self, json: &Json<'_>, on: On<'_>) -> Result<(), Failure> {
        if self.done {
            return Ok(());
        }
        let delta = json.get("delta");
        if let Some(error) = delta.and_then(|delta| delta.get("error")).and_then(Json::text) {
            return Err(Failure::new(502, "upstream_error", error));
        }
        let word = delta.and_then(|delta| delta.get("finish_reason")).and_then(Json::text);
        self.blocks.finish(0, word.map_or(Finish::Stop, types::finish), None, on);
        if let Some(usage) = delta.and_then(|delta| delta.get("usage")) {
            on(Event::Usage(Usage::read(usage.raw().as_bytes())));
        }
        self.done = true;
        on(Event::Done);
        Ok(())
    }
}

/// What stands for no arguments.
const NULL: &str = "null";
