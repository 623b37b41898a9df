//! What a healthy upstream would answer: one small text in each format, plain and as a stream, and how each format
//! tells an error. Written by hand from the vendors' pages, not by the code that reads them.

use super::frames;
use serde_json::{Value, json};

/// The text of every right answer.
pub const TEXT: &str = "Ships come in with the tide.";

/// The text as a stream says it.
const PARTS: [&str; 3] = ["Ships come in", " with", " the tide."];

/// What is imitated, by the request's path.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Form {
    /// OpenAI Chat Completions: `…/chat/completions`.
    Chat,
    /// OpenAI Responses: `…/responses`.
    Responses,
    /// Anthropic Messages: `…/messages`.
    Messages,
    /// Gemini: `…:generateContent`, `…:streamGenerateContent`.
    Gemini,
    /// Cohere v2: `…/v2/chat`.
    Cohere,
    /// Ollama: `…/api/chat`.
    Ollama,
    /// Bedrock: `…/converse`, `…/converse-stream`.
    Bedrock,
    /// OpenAI embeddings: `…/embeddings`.
    Embeddings,
    /// A list of models: `…/models`.
    Models,
}

/// A right answer, before anything is done to it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Answer {
    /// What it imitates.
    pub form: Form,
    /// Whether it is a stream.
    pub stream: bool,
    /// Its events, each with all its framing; of a plain answer, the one body.
    pub pieces: Vec<Vec<u8>>,
}

impl Form {
    /// Which one a path asks for.
    pub fn of(path: &str) -> Option<Self> {
        let path = path.to_ascii_lowercase().replace("%3a", ":");
        let ends = |end: &str| path.ends_with(end);
        Some(match () {
            () if ends("/chat/completions") => Self::Chat,
            () if ends("/responses") => Self::Responses,
            () if ends("/messages") => Self::Messages,
            () if ends(":generatecontent") || ends(":streamgeneratecontent") => Self::Gemini,
            () if ends("/v2/chat") => Self::Cohere,
            () if ends("/api/chat") => Self::Ollama,
            () if ends("/converse") || ends("/converse-stream") => Self::Bedrock,
            () if ends("/embeddings") => Self::Embeddings,
            () if ends("/models") => Self::Models,
            () => return None,
        })
    }

    /// Whether a request of this form, with this path and body, asks for a stream.
    pub fn streams(self, path: &str, body: &Value) -> bool {
        let said = body.get("stream").and_then(Value::as_bool);
        match self {
            Self::Chat | Self::Responses | Self::Messages | Self::Cohere => said == Some(true),
            Self::Ollama => said != Some(false),
            Self::Gemini => path.to_ascii_lowercase().contains("streamgeneratecontent"),
            Self::Bedrock => path.ends_with("/converse-stream"),
            Self::Embeddings | Self::Models => false,
        }
    }

    /// The media type of an answer.
    pub const fn media(self, stream: bool) -> &'static str {
        match (self, stream) {
            (_, false) => "application/json",
            (Self::Ollama, true) => "application/x-ndjson",
            (Self::Bedrock, true) => "application/vnd.amazon.eventstream",
            (_, true) => "text/event-stream",
        }
    }

    /// An error's body.
    pub fn error(self, status: u16, message: &str) -> Value {
        match self {
            Self::Messages => json!({
                "type": "error",
                "error": {"type": anthropic_kind(status), "message": message},
                "request_id": "req_chaos",
            }),
            Self::Gemini => {
                json!({"error": {"code": status, "message": message, "status": google_word(status)}})
            }
            Self::Cohere | Self::Bedrock => json!({"message": message}),
            Self::Ollama => json!({"error": message}),
            Self::Chat | Self::Responses | Self::Embeddings | Self::Models => json!({
                "error": {"message": message, "type": "server_error", "param": null, "code": null},
            }),
        }
    }

    /// An error as an event of a stream.
    pub fn error_event(self, message: &str) -> Vec<u8> {
        match self {
            Self::Chat => frames::data(&self.error(500, message)),
            Self::Responses => frames::named(&json!({
                "type": "error", "sequence_number": 9, "code": "server_error", "message": message, "param": null,
            })),
            Self::Messages => frames::named(&self.error(529, message)),
            Self::Gemini => frames::data(&self.error(503, message)),
            Self::Cohere => frames::named(&json!({
                "type": "message-end", "delta": {"finish_reason": "ERROR", "error": message},
            })),
            Self::Ollama => frames::line(&self.error(500, message)),
            Self::Bedrock => {
                frames::amazon("exception", "modelStreamErrorException", &json!({"message": message}))
            }
            Self::Embeddings | Self::Models => Vec::new(),
        }
    }

    /// The right answer.
    pub fn answer(self, stream: bool, model: &str) -> Answer {
        let pieces =
            if stream { self.events(model) } else { vec![self.plain(model).to_string().into_bytes()] };
        Answer { form: self, stream, pieces }
    }

    fn plain(self, model: &str) -> Value {
        match self {
            Self::Chat => json!({
                "id": "chatcmpl-chaos", "object": "chat.completion", "created": 1_760_000_000, "model": model,
                "choices": [{
                    "index": 0, "message": {"role": "assistant", "content": TEXT}, "finish_reason": "stop",
                }],
                "usage": {"prompt_tokens": 7, "completion_tokens": 6, "total_tokens": 13},
            }),
            Self::Responses => responses::whole(model),
            Self::Messages => json!({
                "id": "msg_chaos", "type": "message", "role": "assistant", "model": model,
                "content": [{"type": "text", "text": TEXT}], "stop_reason": "end_turn", "stop_sequence": null,
                "usage": {"input_tokens": 7, "output_tokens": 6},
            }),
            Self::Gemini => gemini(model, TEXT, true),
            Self::Cohere => json!({
                "id": "chaos", "finish_reason": "COMPLETE",
                "message": {"role": "assistant", "content": [{"type": "text", "text": TEXT}]},
                "usage": {"tokens": {"input_tokens": 7, "output_tokens": 6}},
            }),
            Self::Ollama => ollama(model, TEXT, true),
            Self::Bedrock => json!({
                "output": {"message": {"role": "assistant", "content": [{"text": TEXT}]}},
                "stopReason": "end_turn", "metrics": {"latencyMs": 1},
                "usage": {"inputTokens": 7, "outputTokens": 6, "totalTokens": 13},
            }),
            Self::Embeddings => json!({
                "object": "list", "model": model,
                "data": [{"object": "embedding", "index": 0, "embedding": [0.5, -0.25, 0.125]}],
                "usage": {"prompt_tokens": 7, "total_tokens": 7},
            }),
            Self::Models => json!({
                "object": "list",
                "data": [{"id": "tide", "object": "model", "created": 1_760_000_000, "owned_by": "chaos"}],
            }),
        }
    }

    /// The events of a stream; the first already says something of the answer where the format lets it.
    fn events(self, model: &str) -> Vec<Vec<u8>> {
        match self {
            Self::Chat => chat_events(model),
            Self::Responses => responses::events(model),
            Self::Messages => messages_events(model),
            Self::Gemini => {
                let last = PARTS.len() - 1;
                let of = |(at, part): (usize, &&str)| frames::data(&gemini(model, part, at == last));
                PARTS.iter().enumerate().map(of).collect()
            }
            Self::Cohere => cohere_events(),
            Self::Ollama => {
                let said = PARTS.iter().map(|part| frames::line(&ollama(model, part, false)));
                said.chain([frames::line(&ollama(model, "", true))]).collect()
            }
            Self::Bedrock => bedrock_events(),
            Self::Embeddings | Self::Models => Vec::new(),
        }
    }
}

const fn anthropic_kind(status: u16) -> &'static str {
    match status {
        401 => "authentication_error",
        402 => "billing_error",
        403 => "permission_error",
        404 => "not_found_error",
        429 => "rate_limit_error",
        400..=499 => "invalid_request_error",
        529 => "overloaded_error",
        _ => "api_error",
    }
}

const fn google_word(status: u16) -> &'static str {
    match status {
        401 => "UNAUTHENTICATED",
        403 => "PERMISSION_DENIED",
        404 => "NOT_FOUND",
        429 => "RESOURCE_EXHAUSTED",
        400..=499 => "INVALID_ARGUMENT",
        503 => "UNAVAILABLE",
        504 => "DEADLINE_EXCEEDED",
        _ => "INTERNAL",
    }
}

fn gemini(model: &str, text: &str, last: bool) -> Value {
    let mut candidate = json!({"index": 0, "content": {"role": "model", "parts": [{"text": text}]}});
    if last {
        candidate["finishReason"] = "STOP".into();
    }
    json!({
        "candidates": [candidate], "modelVersion": model, "responseId": "chaos",
        "usageMetadata": {"promptTokenCount": 7, "candidatesTokenCount": 6, "totalTokenCount": 13},
    })
}

fn ollama(model: &str, text: &str, last: bool) -> Value {
    let mut answer = json!({
        "model": model, "created_at": "2026-01-01T00:00:00Z",
        "message": {"role": "assistant", "content": text}, "done": last,
    });
    if last {
        answer["done_reason"] = "stop".into();
        answer["prompt_eval_count"] = 7.into();
        answer["eval_count"] = 6.into();
    }
    answer
}

fn chat_events(model: &str) -> Vec<Vec<u8>> {
    let event = |delta: Value, finish: Value| {
        frames::data(&json!({
            "id": "chatcmpl-chaos", "object": "chat.completion.chunk", "created": 1_760_000_000, "model": model,
            "choices": [{"index": 0, "delta": delta, "finish_reason": finish}],
        }))
    };
    let mut events = vec![event(json!({"role": "assistant", "content": PARTS[0]}), Value::Null)];
    events.extend(PARTS[1..].iter().map(|part| event(json!({"content": part}), Value::Null)));
    events.push(event(json!({}), "stop".into()));
    events.push(b"data: [DONE]\n\n".to_vec());
    events
}

/// `message_start` and the block's start travel with the first words: a fault behind one event is behind words.
fn messages_events(model: &str) -> Vec<Vec<u8>> {
    let delta = |part: &str| {
        frames::named(&json!({
            "type": "content_block_delta", "index": 0, "delta": {"type": "text_delta", "text": part},
        }))
    };
    let mut first = frames::named(&json!({"type": "message_start", "message": {
        "id": "msg_chaos", "type": "message", "role": "assistant", "model": model, "content": [],
        "stop_reason": null, "stop_sequence": null, "usage": {"input_tokens": 7, "output_tokens": 1},
    }}));
    first.extend(frames::named(&json!({
        "type": "content_block_start", "index": 0, "content_block": {"type": "text", "text": ""},
    })));
    first.extend(delta(PARTS[0]));
    let mut events = vec![first];
    events.extend(PARTS[1..].iter().map(|part| delta(part)));
    events.push(frames::named(&json!({"type": "content_block_stop", "index": 0})));
    events.push(frames::named(&json!({
        "type": "message_delta", "delta": {"stop_reason": "end_turn", "stop_sequence": null},
        "usage": {"output_tokens": 6},
    })));
    events.push(frames::named(&json!({"type": "message_stop"})));
    events
}

fn cohere_events() -> Vec<Vec<u8>> {
    let said = |part: &str| {
        frames::named(&json!({
            "type": "content-delta", "index": 0, "delta": {"message": {"content": {"text": part}}},
        }))
    };
    let mut first = frames::named(&json!({
        "type": "message-start", "id": "chaos",
        "delta": {"message": {"role": "assistant", "content": [], "tool_plan": "", "tool_calls": [], "citations": []}},
    }));
    first.extend(frames::named(&json!({
        "type": "content-start", "index": 0, "delta": {"message": {"content": {"type": "text", "text": ""}}},
    })));
    first.extend(said(PARTS[0]));
    let mut events = vec![first];
    events.extend(PARTS[1..].iter().map(|part| said(part)));
    events.push(frames::named(&json!({"type": "content-end", "index": 0})));
    events.push(frames::named(&json!({
        "type": "message-end",
        "delta": {"finish_reason": "COMPLETE", "usage": {"tokens": {"input_tokens": 7, "output_tokens": 6}}},
    })));
    events
}

fn bedrock_events() -> Vec<Vec<u8>> {
    let event = |kind: &str, value: Value| frames::amazon("event", kind, &value);
    let said =
        |part: &str| event("contentBlockDelta", json!({"contentBlockIndex": 0, "delta": {"text": part}}));
    let mut first = event("messageStart", json!({"role": "assistant"}));
    first.extend(said(PARTS[0]));
    let mut events = vec![first];
    events.extend(PARTS[1..].iter().map(|part| said(part)));
    events.push(event("contentBlockStop", json!({"contentBlockIndex": 0})));
    events.push(event("messageStop", json!({"stopReason": "end_turn"})));
    let usage = json!({"inputTokens": 7, "outputTokens": 6, "totalTokens": 13});
    events.push(event("metadata", json!({"usage": usage, "metrics": {"latencyMs": 1}})));
    events
}

/// The Responses format, whose events repeat the answer so far.
mod responses {
    use super::{PARTS, TEXT, frames};
    use serde_json::{Value, json};

    fn message(text: &str, status: &str) -> Value {
        json!({
            "id": "msg_chaos", "type": "message", "role": "assistant", "status": status,
            "content": [{"type": "output_text", "text": text, "annotations": [], "logprobs": []}],
        })
    }

    fn response(model: &str, status: &str, output: &[Value], usage: &Value) -> Value {
        json!({
            "id": "resp_chaos", "object": "response", "created_at": 1_760_000_000, "status": status, "error": null,
            "incomplete_details": null, "instructions": null, "model": model, "output": output,
            "parallel_tool_calls": true, "metadata": {}, "tool_choice": "auto", "tools": [], "temperature": 1.0,
            "top_p": 1.0, "usage": usage,
        })
    }

    pub(super) fn whole(model: &str) -> Value {
        let usage = json!({
            "input_tokens": 7, "input_tokens_details": {"cached_tokens": 0}, "output_tokens": 6,
            "output_tokens_details": {"reasoning_tokens": 0}, "total_tokens": 13,
        });
        response(model, "completed", &[message(TEXT, "completed")], &usage)
    }

    pub(super) fn events(model: &str) -> Vec<Vec<u8>> {
        let begun = response(model, "in_progress", &[], &Value::Null);
        let item = json!({
            "id": "msg_chaos", "type": "message", "role": "assistant", "status": "in_progress", "content": [],
        });
        let part =
            |text: &str| json!({"type": "output_text", "text": text, "annotations": [], "logprobs": []});
        let place = json!({"output_index": 0, "item_id": "msg_chaos", "content_index": 0});
        let at = |mut event: Value| {
            if let (Some(event), Some(place)) = (event.as_object_mut(), place.as_object()) {
                event.extend(place.clone());
            }
            event
        };
        let mut all = vec![
            json!({"type": "response.created", "response": begun}),
            json!({"type": "response.output_item.added", "output_index": 0, "item": item}),
            at(json!({"type": "response.content_part.added", "part": part("")})),
        ];
        all.extend(
            PARTS
                .iter()
                .map(|text| at(json!({"type": "response.output_text.delta", "delta": text, "logprobs": []}))),
        );
        all.extend([
            at(json!({"type": "response.output_text.done", "text": TEXT, "logprobs": []})),
            at(json!({"type": "response.content_part.done", "part": part(TEXT)})),
            json!({
                "type": "response.output_item.done", "output_index": 0, "item": message(TEXT, "completed"),
            }),
            json!({"type": "response.completed", "response": whole(model)}),
        ]);
        let mut pieces: Vec<Vec<u8>> = Vec::new();
        for (number, mut event) in all.into_iter().enumerate() {
            event["sequence_number"] = number.into();
            let framed = frames::named(&event);
            // As with the other formats: what opens the answer travels with the first words.
            match pieces.first_mut() {
                Some(first) if number <= 3 => first.extend(framed),
                _ => pieces.push(framed),
            }
        }
        pieces
    }
}
