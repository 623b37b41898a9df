//! An answer that came whole, or that has to go out whole.

use super::custom::{Unwrap, unwrap_all};
use super::lost::Lost;
use super::{Context, client, upstream};
use crate::chat::{Collector, Event, Failure, Finish, Response, replay};
use crate::json::parse_lossy;
use crate::translate::Framing;
use crate::{Format, Usage};

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
    let mut failed = None;
    {
        let mut on = |event: Event<'_>| unwrap.push(event, &mut |event| collector.push(event));
        let mut event = |name: &str, data: &[u8]| {
            if failed.is_none() {
                failed = reader.push(name, data, &mut on).err();
            }
        };
        use crate::frame::{aws_eventstream::EventStream, json_lines::JsonLines, sse::Sse};
        let framed = match upstream.framing() {
            Framing::Sse => {
                let mut sse = Sse::new();
                let pushed =
                    sse.push(body, &mut |frame| event(&String::from_utf8_lossy(frame.name), frame.data));
                sse.finish(&mut |frame| event(&String::from_utf8_lossy(frame.name), frame.data));
                pushed.map_err(Failure::malformed)
            }
            Framing::JsonLines => {
                let mut lines = JsonLines::new();
                let pushed = lines.push(body, &mut |line| event("", line));
                lines.finish(&mut |line| event("", line));
                pushed.map_err(Failure::malformed)
            }
            Framing::AwsEventStream => {
                let mut frames = EventStream::new();
                let pushed = frames.push(body, &mut event);
                frames.finish(&mut event);
                pushed.map_err(Failure::malformed)
            }
        };
        framed?;
        if let Some(failure) = failed {
            return Err(failure);
        }
        reader.finish(&mut on);
    }
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
