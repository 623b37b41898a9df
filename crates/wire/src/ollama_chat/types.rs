//! The words of the dialect.

use crate::chat::{Effort, Finish, TokenLogprob};
use crate::json::Json;

/// `load` and `unload` answer a request without messages. Calls end with `stop` too.
/// <https://github.com/ollama/ollama/blob/main/docs/api.md>
pub(super) fn finish(word: &str) -> Finish {
    match word {
        "length" => Finish::Length,
        _ => Finish::Stop,
    }
}

/// Words for how hard to think: <https://docs.ollama.com/capabilities/thinking>.
pub(super) const fn level(effort: Effort) -> &'static str {
    match effort {
        Effort::None | Effort::Minimal | Effort::Low => "low",
        Effort::Medium => "medium",
        Effort::High | Effort::XHigh => "high",
        Effort::Max => "max",
    }
}

/// How likely the tokens were: <https://docs.ollama.com/api/chat#response-logprobs>.
pub(super) fn logprobs<'a>(answer: &Json<'a>) -> Vec<TokenLogprob<'a>> {
    let tokens = answer.get("logprobs").map_or(&[][..], Json::items);
    tokens.iter().filter_map(logprob).collect()
}

fn logprob<'a>(token: &Json<'a>) -> Option<TokenLogprob<'a>> {
    let bytes = token.get("bytes").map(|bytes| {
        let bytes = bytes.items().iter().filter_map(Json::number);
        bytes.filter_map(|byte| u8::try_from(byte).ok()).collect()
    });
    let top = token.get("top_logprobs").map_or(&[][..], Json::items);
    Some(TokenLogprob {
        token: token.get("token").and_then(Json::cow)?,
        logprob: token.get("logprob").and_then(Json::float)?,
        bytes,
        // They have none of their own: one level is all there is.
        top: top.iter().filter(|token| token.get("top_logprobs").is_none()).filter_map(logprob).collect(),
    })
}
