//! The conformance matrix: every dialect over every format, by feature, plain and streamed. Each cell is computed from
//! cases of our own that ran.

use super::facts::{self, Facts};
use super::{Answer, Reading, Why, cases, differences, hold, list, message, text};
use serde_json::Value;
use wharf_wire::chat::{Field, Quirks, Target};
use wharf_wire::translate::{self, Context, Pipe, Said};
use wharf_wire::{End, Format};

/// The dialects that clients speak.
pub(crate) const CLIENTS: [Format; 4] =
    [Format::OpenAiChat, Format::OpenAiResponses, Format::AnthropicMessages, Format::GeminiGenerate];

/// The columns.
pub(crate) const FEATURES: [&str; 11] = [
    "text",
    "tools",
    "parallel tools",
    "images",
    "files",
    "JSON schema",
    "reasoning",
    "caching",
    "usage",
    "stop reasons",
    "errors",
];

/// What became of a feature.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Cell {
    /// It arrived, there and back.
    Yes,
    /// The target can't say it: left out and listed in `x-wharf-dropped`.
    Listed,
    /// The target can't say it: 400.
    Refused,
    /// The dialect, or the format, has no such thing.
    Absent,
    /// It got lost: a fault of ours.
    Wrong(String),
}

fn parsed(text: &str) -> Value {
    serde_json::from_str(text).unwrap_or_default()
}

/// One cell.
pub(crate) fn cell(dialect: Format, format: Format, feature: &str, stream: bool) -> Cell {
    let asked = parsed(cases::requests(dialect))[feature][0]
        .get("body")
        .map(|body| asked(dialect, format, feature, body, stream).unwrap_or_else(Cell::Wrong));
    let answers = parsed(cases::answers(format));
    let told = match feature {
        // Usage is part of every answer; what is asked for is judged with the text.
        "usage" => list(&answers, "text"),
        name => list(&answers, name),
    };
    let mut result = asked;
    for case in told {
        let answered = match answered(dialect, format, feature, case, stream) {
            Ok(()) => Cell::Yes,
            Err(wrong) => Cell::Wrong(wrong),
        };
        result = Some(worse(result, answered));
    }
    result.unwrap_or(Cell::Absent)
}

fn worse(one: Option<Cell>, other: Cell) -> Cell {
    match (one, other) {
        (_, wrong @ Cell::Wrong(_)) | (Some(wrong @ Cell::Wrong(_)), _) => wrong,
        (Some(Cell::Refused), _) => Cell::Refused,
        (Some(Cell::Listed), _) => Cell::Listed,
        (_, other) => other,
    }
}

/// Writes a request that uses the feature, and looks for it in what was written.
fn asked(dialect: Format, format: Format, feature: &str, body: &Value, stream: bool) -> Result<Cell, String> {
    let mut body = body.clone();
    if stream && dialect != Format::GeminiGenerate {
        body["stream"] = Value::Bool(true);
    }
    let bytes = body.to_string().into_bytes();
    let said = Said { model: Some("a-model"), stream, ..Said::default() };
    let request =
        translate::read_request(dialect, &bytes, &said).map_err(|invalid| format!("invalid: {invalid}"))?;
    hold(request.stream == stream, || "the wish for a stream is lost".to_owned())?;
    let quirks = Quirks::default();
    let target = Target { model: "a-model", stream, quirks: &quirks };
    let written = match translate::write_request(format, &request, &target) {
        Ok(written) => written,
        Err(_) => return Ok(Cell::Refused),
    };
    let out: Value =
        serde_json::from_slice(&written.body).map_err(|error| format!("the body is no JSON: {error}"))?;
    let said: Facts = facts::of(dialect, &body);
    facts::missing(&said, &out)?;
    let (marks, field): (&[&str], _) = match feature {
        "images" => (&["iVBORw0KGgo"], Field::Image),
        "files" => (&["JVBERi0xLjEK"], Field::File),
        "JSON schema" => (&["city_of_answer"], Field::ResponseFormat),
        "reasoning" => (
            &[
                "reasoning_effort",
                "\"effort\"",
                "\"thinking\"",
                "thinkingConfig",
                "\"think\"",
                "budget_tokens",
            ],
            Field::Reasoning,
        ),
        "caching" => (
            &["cache_control", "cachePoint", "prompt_cache_key"],
            if dialect == Format::AnthropicMessages { Field::CacheControl } else { Field::CacheKey },
        ),
        "tools" | "parallel tools" => (&["get_weather"], Field::Tools),
        _ => return Ok(Cell::Yes),
    };
    let words = out.to_string();
    if marks.iter().any(|mark| words.contains(mark)) {
        return Ok(Cell::Yes);
    }
    if written.losses.fields().contains(&field) {
        return Ok(Cell::Listed);
    }
    Err(format!("{feature} is neither written nor listed"))
}

/// Hands an answer that has the feature to a client, and reads what it got.
fn answered(
    dialect: Format,
    format: Format,
    feature: &str,
    case: &Value,
    stream: bool,
) -> Result<(), String> {
    if feature == "errors" {
        return failed(dialect, format, case, stream);
    }
    let context = context();
    let events = cases::framed(format, list(case, "stream"));
    let whole = case["plain"].to_string().into_bytes();
    let wanted = if stream { super::streamed(format, &events) } else { super::plain(format, &case["plain"]) };
    let Reading::Whole(wanted) = wanted else { return Err(format!("the case is no answer: {wanted:?}")) };
    has(feature, &wanted)?;
    let mut found = Vec::new();
    if stream {
        found.push(super::stream_for_client(dialect, &pumped(format, dialect, &events, &context)?)?.0);
        if dialect == Format::GeminiGenerate {
            let context = Context { json_array: true, ..context.clone() };
            found.push(super::gemini::check_array(&pumped(format, dialect, &events, &context)?)?.0);
        }
        let replayed = translate::whole(format, dialect, &whole, true, &context);
        let replayed = replayed.map_err(|failure| failure.message)?;
        found.push(super::stream_for_client(dialect, &replayed.body)?.0);
    } else {
        for got in [
            translate::whole(format, dialect, &whole, false, &context),
            translate::gather(format, dialect, &events, &context),
        ] {
            let got = got.map_err(|failure| failure.message)?;
            found.push(Some(super::whole_for_client(dialect, &got.body)?));
        }
    }
    for found in found {
        let found = found.ok_or("the stream ends with an error")?;
        let differences = differences(&wanted, &found, dialect);
        hold(differences.is_empty(), || differences.join("; "))?;
    }
    Ok(())
}

/// The case shows what it is there for.
fn has(feature: &str, answer: &Answer) -> Result<(), String> {
    let choice = answer.choices.first().ok_or("no choice")?;
    let shown = match feature {
        "text" => !choice.text.is_empty(),
        "tools" => choice.calls.len() == 1 && choice.why == Why::Calls,
        "parallel tools" => choice.calls.len() == 2,
        "reasoning" => !choice.reasoning.is_empty(),
        "caching" => answer.usage.cached.is_some_and(|cached| cached > 0),
        "usage" => answer.usage.input.is_some() && answer.usage.output.is_some(),
        _ => true,
    };
    hold(shown, || format!("the case shows no {feature}"))
}

fn failed(dialect: Format, format: Format, case: &Value, stream: bool) -> Result<(), String> {
    if stream {
        let events = cases::framed(format, list(case, "stream"));
        let Reading::Failed(words) = super::streamed(format, &events) else {
            return Err("the case is no error".to_owned());
        };
        let out = pumped(format, dialect, &events, &context())?;
        let told = super::stream_for_client(dialect, &out)?.1.ok_or("no error event")?;
        return hold(told.contains(&words), || format!("{told:?} instead of {words:?}"));
    }
    let status = case["status"].as_u64().and_then(|status| u16::try_from(status).ok()).unwrap_or_default();
    let failure = translate::read_error(format, status, None, case["plain"].to_string().as_bytes());
    let body = parsed(&String::from_utf8_lossy(&translate::write_error(dialect, &failure, "req_1")));
    let words = message(&case["plain"]).ok_or("the case is no error")?;
    let told = text(&body["error"], "message");
    hold(told.contains(&words) && failure.status == status, || format!("{told:?} instead of {words:?}"))
}

fn context() -> Context {
    Context {
        request_id: "req_1".to_owned(),
        model: "a-model".to_owned(),
        now: 1_700_000_000,
        include_usage: true,
        ..Context::default()
    }
}

/// A stream's way to the client, whole and byte by byte, which must give the same.
fn pumped(from: Format, to: Format, events: &[u8], context: &Context) -> Result<Vec<u8>, String> {
    let run = |size: usize| {
        let mut out = Vec::new();
        let mut pipe = Pipe::new(from, to, context).ok_or("no such pair")?;
        events.chunks(size.max(1)).for_each(|chunk| pipe.push(chunk, &mut out));
        pipe.finish(End::Clean, &mut out);
        Ok::<_, String>(out)
    };
    let out = run(events.len())?;
    hold(run(1)? == out, || "the output differs byte by byte".to_owned())?;
    Ok(out)
}
