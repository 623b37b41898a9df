//! Recorded streams that stop early: at an event's boundary or inside one, with HTTP's own end or without.

use crate::judge::{self, Ending};
use crate::question::{self, Dialect, Question};
use crate::{PROVIDERS, Setup};
use std::collections::BTreeMap;
use wharf_testkit::client::Client;
use wharf_testkit::replay::{Recording, Replay};
use wharf_testkit::upstream::Reply;
use wharf_wire::Format;
use wharf_wire::opening::{Opened, Opening};

/// How the upstream stops.
#[derive(Clone, Copy, Debug)]
enum Stop {
    /// The last chunk comes, as if that were all.
    Clean,
    /// The connection closes.
    Closed,
}

#[test]
fn a_recorded_stream_that_stops_early_is_never_taken_for_whole() {
    if Replay::folder().is_none() {
        println!("replay: early ends did not run, since WHARF_FIXTURES names no folder of recordings");
        return;
    }
    let setup = Setup::start();
    let mut seen: BTreeMap<String, usize> = BTreeMap::new();
    let mut failures = Vec::new();
    for (folder, provider, base) in PROVIDERS {
        let streams = Replay::of(folder).filter(|one| one.has("stream") && one.response.status == 200);
        for recording in streams.recordings {
            let Some(question) = question::by_model(provider, base, &recording) else { continue };
            for (at, stop) in places(&recording.response.body()) {
                match play(&setup, &recording, &question, at, stop) {
                    Ok(what) => *seen.entry(what).or_default() += 1,
                    Err(why) => {
                        failures.push(format!("{} at {at}, {stop:?}: {why}", recording.file.display()))
                    }
                }
            }
        }
    }
    println!("replay: early ends: {seen:?}, {} wrong", failures.len());
    failures.truncate(20);
    assert!(failures.is_empty(), "{}", failures.join("\n"));
    assert!(seen.len() >= 6, "every dialect is told, and cut: {seen:?}");
}

/// The middle, and the event boundary behind it.
fn places(body: &[u8]) -> Vec<(usize, Stop)> {
    let middle = body.len() / 2;
    let ends =
        |mark: &[u8]| Some(middle + body[middle..].windows(mark.len()).position(|w| w == mark)? + mark.len());
    let boundary = ends(b"\n\n").or_else(|| ends(b"\r\n\r\n"));
    let mut places = vec![(middle, Stop::Clean), (middle, Stop::Closed)];
    places.extend(boundary.map(|at| (at, Stop::Clean)));
    places.extend(boundary.map(|at| (at, Stop::Closed)));
    places.retain(|(at, _)| *at > 0);
    places
}

/// Some of the answer itself is there.
fn begins(dialect: Dialect, body: &[u8]) -> bool {
    let mut opening = Opening::new(match dialect {
        Dialect::Chat => Format::OpenAiChat,
        Dialect::Responses => Format::OpenAiResponses,
        Dialect::Messages => Format::AnthropicMessages,
        Dialect::Gemini => Format::GeminiGenerate,
    });
    opening.push(body);
    *opening.state() == Opened::Begun
}

/// What was seen, or what was wrong with it.
fn play(
    setup: &Setup,
    recording: &Recording,
    question: &Question,
    at: usize,
    stop: Stop,
) -> Result<String, String> {
    let body = recording.response.body()[..at].to_vec();
    let (Some(format), Some(ending)) = (question.format, judge::early(question.format, recording, &body))
    else {
        return Ok("skipped".into());
    };
    let (sent, media) = (body.clone(), recording.response.content_type().to_owned());
    setup.upstream.respond(move |_| {
        let (reply, feed) = Reply::fed(200);
        feed.chunk(sent.clone());
        match stop {
            Stop::Clean => feed.finish(),
            Stop::Closed => feed.cut(),
        }
        reply.header("content-type", &media)
    });
    let headers: Vec<(&str, &str)> = question.headers.iter().map(|(n, v)| (n.as_str(), v.as_str())).collect();
    let mut client = Client::connect(setup.wharf.address());
    let answer = client.request("POST", &question.target, &headers, &question.body);
    if answer.status == 502 && !begins(format, &body) {
        // Nothing of the answer had come: the head was held, and the client is told by its status.
        return Ok("refused".into());
    }
    if answer.status != 200 {
        return Err(format!("status {} {}", answer.status, answer.text()));
    }
    judge::fits(&ending, &answer, &body)?;
    Ok(match ending {
        Ending::Told(_) => format!("told {format:?}"),
        Ending::Whole | Ending::Cut | Ending::Refused => format!("{ending:?}"),
    })
}
