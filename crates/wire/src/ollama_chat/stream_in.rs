//! A streamed answer: one object a line, each with a piece of the message; the last is `done`. Calls come whole.

use super::{response, types};
use crate::chat::{Blocks, Event, Failure, failure_from};
use crate::json::{Json, parse_lossy};
use crate::translate::{Context, ReadStream};

/// Reads the lines.
#[derive(Debug)]
pub(super) struct Reader {
    blocks: Blocks,
    begun: bool,
    done: bool,
    /// What ids are made of where none is given.
    answer: String,
    calls: usize,
}

impl Reader {
    pub(super) fn new(context: &Context) -> Self {
        let answer = context.request_id.clone();
        Self { blocks: Blocks::default(), begun: false, done: false, answer, calls: 0 }
    }
}

impl ReadStream for Reader {
    fn push(&mut self, _name: &str, data: &[u8], on: &mut dyn FnMut(Event<'_>)) -> Result<(), Failure> {
        let json = parse_lossy(data).map_err(Failure::malformed)?;
        if json.get("error").is_some() {
            return Err(failure_from(0, data));
        }
        if !std::mem::replace(&mut self.begun, true) {
            on(Event::Start { id: None, model: json.get("model").and_then(Json::cow), created: None });
        }
        if let Some(message) = json.get("message") {
            let text = |name| message.get(name).and_then(Json::cow).unwrap_or_default();
            self.blocks.reasoning(0, false, text("thinking"), on);
            self.blocks.text(0, text("content"), on);
            for call in message.get("tool_calls").map_or(&[][..], Json::items) {
                let key = self.calls as u64;
                let call = response::read_call(call, &self.answer, self.calls);
                self.calls += 1;
                self.blocks.tool(0, key, call.id, call.name, false, None, on);
                self.blocks.tool_delta(0, key, call.arguments, on);
                self.blocks.end_tool(0, key, on);
            }
        }
        let tokens = types::logprobs(&json);
        if !tokens.is_empty() {
            on(Event::Logprobs(0, tokens));
        }
        if json.get("done").and_then(Json::bool) == Some(true) && !std::mem::replace(&mut self.done, true) {
            let word = json.get("done_reason").and_then(Json::text);
            self.blocks.finish(0, word.map(types::finish).unwrap_or_default(), None, on);
            on(Event::Usage(response::usage(&json)));
            on(Event::Done);
        }
        Ok(())
    }

    fn finish(&mut self, _on: &mut dyn FnMut(Event<'_>)) {}
}
