//! The mock's answers, written once per setting and sent many times.

use super::Knobs;
use serde_json::json;

const ID: &str = "chatcmpl-bench0000000000000000000000";
const MODEL: &str = "gpt-4o-mini";
const CREATED: u64 = 1_760_000_000;

/// Complete bytes for the socket, framing included.
pub(super) struct Answers {
    /// A JSON completion with its head.
    pub(super) completion: Vec<u8>,
    /// A stream's head.
    pub(super) stream_head: Vec<u8>,
    /// One content chunk in chunked framing.
    pub(super) chunk: Vec<u8>,
    /// Finish reason, `[DONE]` and the last chunk.
    pub(super) stream_end: Vec<u8>,
}

impl Answers {
    pub(super) fn new(knobs: &Knobs) -> Self {
        let body = filled(knobs.body_bytes, "The quick brown fox jumps over the lazy dog. ", completion);
        let mut completion = head("application/json", &format!("content-length: {}", body.len()));
        completion.extend_from_slice(body.as_bytes());
        let event =
            filled(knobs.chunk_bytes, "lorem ipsum ", |text| event(&json!({ "content": text }), None));
        let end = [event_end(), "data: [DONE]\n\n".to_owned()];
        let mut stream_end: Vec<u8> = end.iter().flat_map(|event| framed(event)).collect();
        stream_end.extend_from_slice(b"0\r\n\r\n");
        Self {
            completion,
            stream_head: head("text/event-stream; charset=utf-8", "transfer-encoding: chunked"),
            chunk: framed(&event),
            stream_end,
        }
    }
}

/// An answer to the mock's own control paths and to GET.
pub(super) fn plain(status: &str, body: &str) -> Vec<u8> {
    format!(
        "HTTP/1.1 {status}\r\ncontent-type: application/json\r\ncontent-length: {}\r\n\r\n{body}",
        body.len()
    )
    .into_bytes()
}

fn head(content_type: &str, framing: &str) -> Vec<u8> {
    format!(
        "HTTP/1.1 200 OK\r\ncontent-type: {content_type}\r\ncache-control: no-cache\r\n\
         x-request-id: req_bench0000000000000000\r\n{framing}\r\n\r\n"
    )
    .into_bytes()
}

/// Fills the text so that the whole has the wanted size, or as near as its frame lets it.
fn filled(bytes: u64, words: &str, write: impl Fn(&str) -> String) -> String {
    let room = usize::try_from(bytes).unwrap_or(0).saturating_sub(write("").len());
    let text: String = words.chars().cycle().take(room).collect();
    write(&text)
}

fn completion(text: &str) -> String {
    json!({
        "id": ID, "object": "chat.completion", "created": CREATED, "model": MODEL, "system_fingerprint": "fp_bench",
        "choices": [{
            "index": 0, "message": { "role": "assistant", "content": text, "refusal": null },
            "logprobs": null, "finish_reason": "stop",
        }],
        "usage": {
            "prompt_tokens": 12, "completion_tokens": 34, "total_tokens": 46,
            "prompt_tokens_details": { "cached_tokens": 0, "audio_tokens": 0 },
            "completion_tokens_details": { "reasoning_tokens": 0, "audio_tokens": 0 },
        },
    })
    .to_string()
}

fn event(delta: &serde_json::Value, finish: Option<&str>) -> String {
    let data = json!({
        "id": ID, "object": "chat.completion.chunk", "created": CREATED, "model": MODEL,
        "choices": [{ "index": 0, "delta": delta, "finish_reason": finish }],
    });
    format!("data: {data}\n\n")
}

fn event_end() -> String {
    event(&json!({}), Some("stop"))
}

fn framed(event: &str) -> Vec<u8> {
    format!("{:x}\r\n{event}\r\n", event.len()).into_bytes()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn answers_have_the_size_asked_for() {
        let answers = Answers::new(&Knobs { body_bytes: 2048, chunk_bytes: 300, ..Knobs::default() });
        let body = memchr::memmem::find(&answers.completion, b"\r\n\r\n").unwrap() + 4;
        assert_eq!(answers.completion.len() - body, 2048);
        assert!(serde_json::from_slice::<serde_json::Value>(&answers.completion[body..]).is_ok());
        assert_eq!(answers.chunk.len(), "12c\r\n".len() + 300 + 2);
    }

    #[test]
    fn a_size_below_the_frame_gives_the_empty_frame() {
        let answers = Answers::new(&Knobs { chunk_bytes: 0, ..Knobs::default() });
        assert!(memchr::memmem::find(&answers.chunk, br#""content":"""#).is_some());
    }
}
