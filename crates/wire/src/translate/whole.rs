//! An answer that came whole, or that has to go out whole.

use super::custom::{Unwrap, unwrap_all};
use super::frames::Frames;
use super::lost::Lost;
use super::{Context, client, upstream};
use crate::chat::{Collector, Event, Failure, Finish, Response, replay};
use crate::json::parse_lossy;
use crate::{Format, Usage};
use std::cell::Cell;

/// A translated answer.
#[derive(Debug, Default)]
pub struct Whole {
    /// The body for the client.
    pub body: Vec<u8>,
    /// What it cost.
    pub usage: Usage,
    /// What of the answer the client's dialect has no place for.
    pub lost: Vec<&'static str>,
}

/// Translates a whole answer; with `stream` the client gets it as the stream it asked for.
///
/// # Errors
/// An error inside a 200, or a body that can't be read.
pub fn whole(
    from: Format,
    to: Format,
    body: &[u8],
    stream: bool,
    context: &Context,
) -> Result<Whole, Failure> {
    let json = parse_lossy(body).map_err(Failure::malformed)?;
    let mut response = upstream(from).read_response(&json, context)?;
    unwrap_all(&mut response, &context.custom_tools);
    write(to, response, stream, context)
}

/// Translates a streamed answer that came whole for a client that wants no stream.
///
/// # Errors
/// An error event, a stream that stopped too early, or one that can't be read.
pub fn gather(from: Format, to: Format, body: &[u8], context: &Context) -> Result<Whole, Failure> {
    let upstream = upstream(from);
    let mut reader = upstream.stream_in(context);
    let mut collector = Collector::default();
    let mut unwrap = Unwrap::new(context.custom_tools.clone());
    let mut frames = Frames::new(upstream.framing());
    let mut failed = None;
    // What follows the end of an answer is not part of it, as in a stream on its way.
    let over = Cell::new(false);
    let mut on = |event: Event<'_>| {
        over.set(over.get() || matches!(event, Event::Done | Event::Error(_)));
        unwrap.push(event, &mut |event| collector.push(event));
    };
    let mut event = |name: &str, data: &[u8]| {
        if failed.is_none() && !over.get() {
            failed = reader.push(name, data, &mut on).err();
        }
    };
    let framed = frames.push(body, &mut event);
    frames.finish(&mut event);
    framed?;
    if let Some(failure) = failed {
        return Err(failure);
    }
    reader.finish(&mut on);
    write(to, collector.finish()?, false, context)
}

fn write(to: Format, response: Response<'_>, stream: bool, context: &Context) -> Result<Whole, Failure> {
    let usage = response.usage;
    // No dialect has a word for it in a whole answer, and a clean end would be a lie.
    if response.choices.iter().any(|choice| choice.finish == Finish::Error) {
        let message = "The upstream's model broke its answer off without finishing it.";
        return Err(Failure::new(502, crate::relay::INCOMPLETE, message));
    }
    let mut lost = Lost::new(to);
    lost.note_all(&response);
    let Some(client) = client(to) else { return Err(Failure::malformed("no client speaks this format")) };
    let body = if stream {
        let mut out = Vec::new();
        let mut writer = client.stream_out(context);
        replay(response, &mut |event| writer.push(event, &mut out));
        out
    } else {
        client.write_response(response, context)
    };
    Ok(Whole { body, usage, lost: lost.names() })
}
