//! A streamed answer. Texts and reasoning begin with their first delta, calls and images with a start; usage comes
//! behind the stop: <https://docs.aws.amazon.com/bedrock/latest/APIReference/API_runtime_ConverseStream.html>.

use super::{error, types};
use crate::Usage;
use crate::chat::{ANSWER_TOOL, Blocks, Event, Failure, Finish, Media, MediaKind, Source, failure_from};
use crate::frame::aws_eventstream::EXCEPTION;
use crate::json::{Json, parse_lossy};
use crate::translate::ReadStream;
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use std::borrow::Cow;

/// Reads the events.
#[derive(Debug, Default)]
pub(super) struct Reader {
    blocks: Blocks,
    begun: bool,
    done: bool,
    /// The signature of the reasoning that is open, as far as it came.
    signature: String,
    /// The block that is the answer in the form that was wanted.
    answer: Option<u64>,
    answered: bool,
    /// An image on its way: its block, its type, its bytes.
    image: Option<(u64, String, Vec<u8>)>,
}

/// A whole image is no longer than an event may be.
const MOST_IMAGE: usize = crate::frame::sse::MAX_EVENT;

type On<'o> = &'o mut dyn FnMut(Event<'_>);

impl ReadStream for Reader {
    fn push(&mut self, name: &str, data: &[u8], on: &mut dyn FnMut(Event<'_>)) -> Result<(), Failure> {
        if let Some(class) = name.strip_prefix(EXCEPTION) {
            return Err(error::exception(class, data));
        }
        let json = parse_lossy(data).map_err(Failure::malformed)?;
        if !name.is_empty() {
            return self.event(name, &json, on);
        }
        // A decoded stream: each event is the one member of an object.
        for (name, value) in json.members() {
            if name.ends_with("Exception") {
                return Err(error::exception(name, value.raw().as_bytes()));
            }
            if name.eq_ignore_ascii_case("message") {
                return Err(failure_from(0, data));
            }
            self.event(name, value, on)?;
        }
        Ok(())
    }

    fn finish(&mut self, on: &mut dyn FnMut(Event<'_>)) {
        // Counts may be missing; the stop may not.
        if self.blocks.finished(0) && !self.done {
            self.done = true;
            on(Event::Done);
        }
    }
}

impl Reader {
    fn event(&mut self, name: &str, json: &Json<'_>, on: On<'_>) -> Result<(), Failure> {
        if !std::mem::replace(&mut self.begun, true) {
            on(Event::Start { id: None, model: None, created: None });
        }
        let index = json.get("contentBlockIndex").and_then(Json::number).unwrap_or(0);
        match name {
            "contentBlockStart" => self.start(index, json, on),
            "contentBlockDelta" => {
                if let Some(delta) = json.get("delta") {
                    self.delta(index, delta, on)?;
                }
            }
            "contentBlockStop" => self.stop(index, on),
            "messageStop" => {
                let mut reason =
                    types::finish(json.get("stopReason").and_then(Json::text).unwrap_or_default());
                if self.answered && !self.blocks.called() && reason == Finish::ToolCalls {
                    reason = Finish::Stop;
                }
                self.end_reasoning(on);
                self.blocks.finish(0, reason, types::stop_sequence(json), on);
            }
            "metadata" => {
                if let Some(tier) = json.at(&["serviceTier", "type"]).and_then(Json::cow) {
                    on(Event::Tier(tier));
                }
                if let Some(usage) = json.get("usage") {
                    on(Event::Usage(Usage::read(usage.raw().as_bytes())));
                }
                self.finish(on);
            }
            _ => {}
        }
        Ok(())
    }

    fn start(&mut self, index: u64, json: &Json<'_>, on: On<'_>) {
        let call = json.at(&["start", "toolUse"]).filter(|call| !types::is_server_call(call));
        if let Some(call) = call {
            let text = |name| call.get(name).and_then(Json::cow).unwrap_or_default();
            if text("name") == ANSWER_TOOL {
                self.answer = Some(index);
                self.answered = true;
            } else {
                self.end_reasoning(on);
                self.blocks.tool(0, index, text("toolUseId"), text("name"), false, None, on);
            }
        }
        if let Some(image) = json.at(&["start", "image"]) {
            let format = image.get("format").and_then(Json::text).unwrap_or("png");
            self.image = Some((index, ["image/", format].concat(), Vec::new()));
        }
    }

    fn delta(&mut self, index: u64, delta: &Json<'_>, on: On<'_>) -> Result<(), Failure> {
        if let Some(text) = delta.get("text").and_then(Json::cow) {
            if !text.is_empty() {
                self.end_reasoning(on);
            }
            self.blocks.text(0, text, on);
        } else if let Some(call) = delta.get("toolUse") {
            let input = call.get("input").and_then(Json::cow).unwrap_or_default();
            if self.answer == Some(index) {
                self.blocks.text(0, input, on);
            } else {
                self.blocks.tool_delta(0, index, input, on);
            }
        } else if let Some(reasoning) = delta.get("reasoningContent") {
            if let Some(text) = reasoning.get("text").and_then(Json::cow) {
                self.blocks.reasoning(0, false, text, on);
            }
            if let Some(signature) = reasoning.get("signature").and_then(Json::text) {
                self.signature.push_str(signature);
            }
            if let Some(blob) = reasoning.get("redactedContent").and_then(Json::text) {
                self.end_reasoning(on);
                self.blocks.end_reasoning(0, Some(types::redacted(blob)), on);
            }
        } else if let Some(citation) = delta.get("citation") {
            let slot = self.blocks.text_slot(0, on);
            on(Event::Citation(slot, types::citation(citation)));
        } else if let Some(bytes) = delta.at(&["image", "source", "bytes"]).and_then(Json::text)
            && let Some((_, _, image)) = self.image.as_mut().filter(|(block, ..)| *block == index)
        {
            image.extend(STANDARD.decode(bytes).map_err(Failure::malformed)?);
            if image.len() > MOST_IMAGE {
                return Err(Failure::malformed("an image of the stream is too long"));
            }
        }
        Ok(())
    }

    fn stop(&mut self, index: u64, on: On<'_>) {
        self.end_reasoning(on);
        self.blocks.end_text(0, None, on);
        self.blocks.end_tool(0, index, on);
        self.answer = self.answer.filter(|answer| *answer != index);
        if let Some((_, media_type, bytes)) = self.image.take_if(|(block, ..)| *block == index)
            && !bytes.is_empty()
        {
            let media = Media::new(MediaKind::Image, Source::Base64(Cow::Owned(STANDARD.encode(bytes))));
            on(Event::Media(0, Media { media_type: Some(Cow::Owned(media_type)), ..media }));
        }
    }

    /// The reasoning ends with its signature, where one came.
    fn end_reasoning(&mut self, on: On<'_>) {
        let signature = std::mem::take(&mut self.signature);
        let state = (!signature.is_empty()).then(|| types::signature(Cow::Owned(signature)));
        self.blocks.end_reasoning(0, state, on);
    }
}
