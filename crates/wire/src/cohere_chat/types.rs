//! The words of the dialect, and its errors.

use crate::chat::{Failure, Finish, TokenLogprob, failure_from};
use crate::json::{Json, parse_lossy};

/// <https://docs.cohere.com/v2/reference/chat#response.body.finish_reason>
pub(super) fn finish(word: &str) -> Finish {
    match word {
        "STOP_SEQUENCE" => Finish::StopSequence,
        "MAX_TOKENS" => Finish::Length,
        "TOOL_CALL" => Finish::ToolCalls,
        "ERROR_TOXIC" => Finish::ContentFilter,
        "ERROR_LIMIT" => Finish::ContextFull,
        "ERROR" | "TIMEOUT" | "USER_CANCEL" => Finish::Error,
        _ => Finish::Stop,
    }
}

/// `{"id", "message"}`, sometimes with an `error_type`: <https://docs.cohere.com/v2/reference/errors>.
pub(super) fn read_error(status: u16, body: &[u8]) -> Failure {
    let mut failure = failure_from(status, body);
    let json = parse_lossy(body).unwrap_or(Json::Null);
    if let Some(kind) = json.get("error_type").and_then(Json::text) {
        if kind == "TOO_MANY_TOKENS" {
            failure.code = Some("context_length_exceeded".to_owned());
        }
        failure.kind = Some(kind.to_owned());
    }
    // Unlike `id` and `message`, a `code` is the status here.
    failure
}

/// How likely the tokens of one piece of text were; pieces of several tokens can't be told apart.
pub(super) fn logprobs<'a>(piece: &Json<'a>) -> Option<TokenLogprob<'a>> {
    let [logprob] = piece.get("logprobs")?.items() else { return None };
    let token = piece.get("text").and_then(Json::cow)?;
    Some(TokenLogprob { token, logprob: logprob.float()?, ..TokenLogprob::default() })
}
