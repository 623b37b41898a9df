//! Recorded answers, in every dialect: plain, as a stream, and gathered from a stream.

use crate::CLIENTS;
use crate::judge::{self, Answer, Reading, differences};
use crate::recordings::{Body, Recording};
use crate::tally::Tally;
use crate::vendors::Answers;
use wharf_wire::translate::{Context, Pipe, Progress, gather, whole};
use wharf_wire::{End, Format};

/// What the answer's writer is told.
pub(crate) fn context() -> Context {
    Context {
        request_id: "req_1".to_owned(),
        model: "a-model".to_owned(),
        now: 1_700_000_000,
        include_usage: true,
        ..Context::default()
    }
}

/// Judges one recording.
pub(crate) fn replay(recording: &Recording, described: &Answers, tally: &mut Tally) {
    if recording.status != 200 {
        return;
    }
    match &recording.answer {
        Body::Json(value, bytes) => {
            let wanted = judge::plain(recording.format, value);
            if wanted == Reading::Other {
                return;
            }
            for to in CLIENTS {
                for stream in [false, true] {
                    let how = if stream { "plain as a stream" } else { "plain" };
                    let judged = plain(recording.format, to, bytes, stream, &wanted, described);
                    tally.note(recording, to.name(), how, judged);
                }
            }
        }
        Body::Stream(bytes) => {
            let wanted = judge::streamed(recording.format, bytes);
            if wanted == Reading::Other {
                return;
            }
            for to in CLIENTS {
                tally.note(
                    recording,
                    to.name(),
                    "stream",
                    streamed(recording.format, to, bytes, &wanted, described),
                );
                tally.note(
                    recording,
                    to.name(),
                    "gathered",
                    gathered(recording.format, to, bytes, &wanted, described),
                );
            }
        }
        Body::Text(_) => {}
    }
}

fn alike(wanted: &Answer, found: &Answer, to: Format) -> Result<(), String> {
    match differences(wanted, found, to) {
        none if none.is_empty() => Ok(()),
        some => Err(some.join("; ")),
    }
}

fn plain(
    from: Format,
    to: Format,
    bytes: &[u8],
    stream: bool,
    wanted: &Reading,
    described: &Answers,
) -> Result<(), String> {
    let got = whole(from, to, bytes, stream, &context());
    let wanted = match (wanted, &got) {
        (Reading::Failed(words), Err(failure)) => return says(words, &failure.message),
        (Reading::Failed(_), Ok(_)) => return Err("an error became an answer".to_owned()),
        (_, Err(failure)) => return Err(format!("failed: {}", failure.message)),
        (Reading::Whole(wanted), _) => wanted,
        _ => return Ok(()),
    };
    let body = got.map(|got| got.body).unwrap_or_default();
    let found = if stream {
        described.stream(to, &body)?;
        judge::stream_for_client(to, &body)?.0.ok_or("the stream ends with an error")?
    } else {
        described.whole(to, &body)?;
        judge::whole_for_client(to, &body)?
    };
    alike(wanted, &found, to)
}

/// The provider's words reached the client.
pub(crate) fn says(words: &str, message: &str) -> Result<(), String> {
    if message.contains(words) { Ok(()) } else { Err(format!("the error says {message:?}, not {words:?}")) }
}

fn pump(from: Format, to: Format, bytes: &[u8], size: usize, context: &Context) -> (Vec<u8>, Progress) {
    let mut out = Vec::new();
    let Some(mut pipe) = Pipe::new(from, to, context) else { return (out, Progress::default()) };
    for chunk in bytes.chunks(size.max(1)) {
        pipe.push(chunk, &mut out);
    }
    pipe.finish(End::Clean, &mut out);
    (out, pipe.progress().clone())
}

/// Byte by byte takes long: only what is short is cut so.
const SHORT: usize = 8 << 10;

fn streamed(
    from: Format,
    to: Format,
    bytes: &[u8],
    wanted: &Reading,
    described: &Answers,
) -> Result<(), String> {
    let (out, progress) = pump(from, to, bytes, bytes.len(), &context());
    judge_stream(to, &out, &progress, wanted, false)?;
    described.stream(to, &out)?;
    let sizes = [(bytes.len() < SHORT).then_some(1), Some(7), Some(1000)];
    for size in sizes.into_iter().flatten() {
        let (again, _) = pump(from, to, bytes, size, &context());
        judge::hold(again == out, || format!("the output differs in pieces of {size}"))?;
    }
    if to == Format::GeminiGenerate {
        let context = Context { json_array: true, ..context() };
        let (out, progress) = pump(from, to, bytes, 1000, &context);
        judge_stream(to, &out, &progress, wanted, true)?;
    }
    Ok(())
}

fn judge_stream(
    to: Format,
    out: &[u8],
    progress: &Progress,
    wanted: &Reading,
    array: bool,
) -> Result<(), String> {
    if let (Reading::Whole(_), Some(failure)) = (wanted, &progress.failure) {
        return Err(format!("failed: {}", failure.message));
    }
    let (found, error) =
        if array { judge::gemini::check_array(out)? } else { judge::stream_for_client(to, out)? };
    match (wanted, found, error) {
        (Reading::Whole(wanted), Some(found), _) => alike(wanted, &found, to),
        (Reading::Whole(_), None, error) => Err(format!("ends with the error {error:?}")),
        (Reading::Failed(words), _, Some(message)) => says(words, &message),
        (Reading::Cut, _, Some(_)) => {
            judge::hold(progress.failure.is_some(), || "a cut stream has no failure".to_owned())
        }
        (_, Some(_), _) => Err("an error or a cut became a clean end".to_owned()),
        _ => Err("no error was written".to_owned()),
    }
}

fn gathered(
    from: Format,
    to: Format,
    bytes: &[u8],
    wanted: &Reading,
    described: &Answers,
) -> Result<(), String> {
    match (wanted, gather(from, to, bytes, &context())) {
        (Reading::Whole(wanted), Ok(got)) => {
            described.whole(to, &got.body)?;
            alike(wanted, &judge::whole_for_client(to, &got.body)?, to)
        }
        (Reading::Whole(_), Err(failure)) => Err(format!("failed: {}", failure.message)),
        (Reading::Failed(words), Err(failure)) => says(words, &failure.message),
        (Reading::Cut, Err(_)) => Ok(()),
        (_, Ok(_)) => Err("an error or a cut became an answer".to_owned()),
        _ => Ok(()),
    }
}
