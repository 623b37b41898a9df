//! The faults: their names, their arguments, what each does in one sentence. What each puts on the wire is `plan`'s.

use super::hints::{self, Hint};
use std::fmt::Write as _;

/// A way in which an upstream misbehaves.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Fault {
    /// A right answer.
    Healthy,
    /// The connection is reset with nothing answered.
    Refuse,
    /// Reset behind so many bytes of the answer.
    Reset(usize),
    /// No answer ever.
    SilentHead,
    /// The head, then nothing.
    SilentBody,
    /// Behind so many events, nothing.
    SilentAfter(usize),
    /// So many bytes at a time, with so many milliseconds between.
    Drip(usize, u64),
    /// The head comes after so many milliseconds.
    SlowHead(u64),
    /// Each line of the head comes after so many milliseconds.
    SlowLines(u64),
    /// `Content-Length` promises more than comes.
    TooLong,
    /// `Content-Length` promises less than comes.
    TooShort,
    /// The connection closes inside a chunk.
    CutChunk,
    /// The connection closes behind so many events.
    CutEvents(usize),
    /// The body ends, as HTTP has it, behind so many events.
    EndEvents(usize),
    /// Behind so many events, bytes that are no events.
    BadSse(usize),
    /// Behind so many events, one whose JSON is broken.
    BadJson(usize),
    /// Behind so many events, an error event.
    Error(usize),
    /// A 200 whose chunked body holds nothing.
    EmptyStream,
    /// A 200 with `Content-Length: 0`.
    EmptyBody,
    /// This status with an error's body.
    Status(u16),
    /// 429 with these hints.
    RateLimit(Vec<Hint>),
    /// 429 because the account has no money.
    Quota,
    /// A header line of so many bytes.
    HugeHeader(usize),
    /// Half an answer, then the sending side closes, and only that.
    HalfClose,
    /// No HTTP.
    Garbage,
    /// So many interim answers first.
    Interim(usize),
    /// The connection is kept, and closed when the next request comes on it.
    Stale,
    /// In turn: so many with the fault, so many without.
    Flap(u64, u64, Box<Self>),
    /// The fault in so many of a hundred requests, drawn by the seed.
    Chance(u8, Box<Self>),
}

/// How a fault is named and what it does.
pub struct Spec {
    /// Its name.
    pub name: &'static str,
    /// Its argument, as it is written, with its default; empty where it takes none.
    pub argument: &'static str,
    /// What it does.
    pub about: &'static str,
    read: fn(&str) -> Option<Fault>,
}

const fn spec(
    name: &'static str,
    argument: &'static str,
    about: &'static str,
    read: fn(&str) -> Option<Fault>,
) -> Spec {
    Spec { name, argument, about, read }
}

/// Every fault, in the order of the documentation.
#[rustfmt::skip]
pub const FAULTS: &[Spec] = &[
    spec("ok", "", "A right answer.", |arg| bare(arg, Fault::Healthy)),
    spec("refuse", "", "The connection is reset with nothing answered; as `--fault refuse` as soon as it is accepted.", |arg| bare(arg, Fault::Refuse)),
    spec("reset", "`BYTES` (0)", "The connection is reset behind so many bytes of the answer, head included.", |arg| one(arg, 0).map(Fault::Reset)),
    spec("silent-head", "", "The request is read and never answered.", |arg| bare(arg, Fault::SilentHead)),
    spec("silent-body", "", "The head, then nothing.", |arg| bare(arg, Fault::SilentBody)),
    spec("silent-after", "`EVENTS` (1)", "The head and so many events (plain: half of the body), then nothing.", |arg| one(arg, 1).map(Fault::SilentAfter)),
    spec("drip", "`BYTES,MS` (64,5)", "A right answer, so many bytes at a time, so many milliseconds apart.", |arg| two(arg, 64, 5).filter(|(bytes, _)| *bytes > 0).map(|(bytes, ms)| Fault::Drip(bytes, ms))),
    spec("slow-head", "`MS` (1000)", "A right answer, whose head comes after so many milliseconds.", |arg| one(arg, 1000).map(Fault::SlowHead)),
    spec("slow-lines", "`MS` (200)", "A right answer, with so many milliseconds before each line of its head but the first.", |arg| one(arg, 200).map(Fault::SlowLines)),
    spec("too-long", "", "`Content-Length` promises 100 bytes more than come before the connection closes.", |arg| bare(arg, Fault::TooLong)),
    spec("too-short", "", "`Content-Length` promises half of what comes; the rest follows on the connection.", |arg| bare(arg, Fault::TooShort)),
    spec("cut-chunk", "", "The connection closes inside a chunk, inside the second event (plain: in the middle of the body).", |arg| bare(arg, Fault::CutChunk)),
    spec("cut-events", "`EVENTS` (1)", "The connection closes behind so many events, with no last chunk (plain: behind half of the body).", |arg| one(arg, 1).map(Fault::CutEvents)),
    spec("end-events", "`EVENTS` (1)", "The body ends behind so many events (plain: behind half of it), and HTTP calls it whole.", |arg| one(arg, 1).map(Fault::EndEvents)),
    spec("bad-sse", "`EVENTS` (0)", "Behind so many events come bytes that are no event (plain: instead of the body), then the end.", |arg| one(arg, 0).map(Fault::BadSse)),
    spec("bad-json", "`EVENTS` (0)", "Behind so many events comes one whose JSON is broken (plain: the body's JSON is), then the end.", |arg| one(arg, 0).map(Fault::BadJson)),
    spec("error", "`EVENTS` (0)", "Status 200, and behind so many events an error event (plain: an error's body), then the end.", |arg| one(arg, 0).map(Fault::Error)),
    spec("empty-stream", "", "Status 200 and a chunked body that holds nothing.", |arg| bare(arg, Fault::EmptyStream)),
    spec("empty-body", "", "Status 200 and `Content-Length: 0`.", |arg| bare(arg, Fault::EmptyBody)),
    spec("status", "`CODE` (503)", "This status, 200 to 599, with an error's body in the format.", |arg| one(arg, 503).filter(|code| (200..600).contains(code)).map(Fault::Status)),
    spec("rate-limit", "hints", "Status 429 with the hints below, none if none is named.", |arg| hints::read(arg).map(Fault::RateLimit)),
    spec("quota", "", "Status 429 with the code `insufficient_quota` and no hint: waiting does not help.", |arg| bare(arg, Fault::Quota)),
    spec("huge-header", "`BYTES` (262144)", "A right answer with a header line of so many bytes.", |arg| one(arg, 256 * 1024).map(Fault::HugeHeader)),
    spec("half-close", "", "Half of the answer, then the sending side closes; the connection stays open for reading.", |arg| bare(arg, Fault::HalfClose)),
    spec("garbage", "", "Bytes that are no HTTP, then the end.", |arg| bare(arg, Fault::Garbage)),
    spec("interim", "`COUNT` (1)", "So many interim answers (103, 100, 103 …), then a right one.", |arg| one(arg, 1).map(Fault::Interim)),
    spec("stale", "", "A right answer that keeps its connection, which closes when the next request comes on it.", |arg| bare(arg, Fault::Stale)),
    spec("flap", "`FAIL,PASS[,FAULT]` (1,1,status:503)", "In turn so many requests with the fault and so many without.", flap),
    spec("chance", "`PERCENT[,FAULT]` (50,status:503)", "The fault in so many of a hundred requests, drawn by `--seed`.", chance),
];

impl Fault {
    /// Reads `name` or `name:argument`.
    ///
    /// # Errors
    /// A sentence that says what is wrong.
    pub fn parse(text: &str) -> Result<Self, String> {
        let (name, argument) = text.split_once(':').unwrap_or((text, ""));
        let Some(spec) = FAULTS.iter().find(|spec| spec.name == name) else {
            let names: Vec<&str> = FAULTS.iter().map(|spec| spec.name).collect();
            return Err(format!("no fault is named `{name}`; there are: {}", names.join(", ")));
        };
        let takes = if spec.argument.is_empty() { "no argument" } else { spec.argument };
        (spec.read)(argument).ok_or_else(|| format!("`{text}`: {name} takes {takes}"))
    }
}

impl TryFrom<String> for Fault {
    type Error = String;

    fn try_from(text: String) -> Result<Self, String> {
        Self::parse(&text)
    }
}

/// The faults as the table of `docs/chaos.md`.
pub fn table() -> String {
    let mut out = String::from("| fault | argument (default) | what happens |\n| --- | --- | --- |\n");
    for Spec { name, argument, about, .. } in FAULTS {
        let _ = writeln!(out, "| `{name}` | {argument} | {about} |");
    }
    out
}

fn bare(argument: &str, fault: Fault) -> Option<Fault> {
    argument.is_empty().then_some(fault)
}

fn one<T: std::str::FromStr>(argument: &str, default: T) -> Option<T> {
    if argument.is_empty() { Some(default) } else { argument.parse().ok() }
}

fn two<A: std::str::FromStr, B: std::str::FromStr>(argument: &str, first: A, second: B) -> Option<(A, B)> {
    if argument.is_empty() {
        return Some((first, second));
    }
    let (one, two) = argument.split_once(',')?;
    Some((one.parse().ok()?, two.parse().ok()?))
}

fn flap(argument: &str) -> Option<Fault> {
    let mut parts = argument.splitn(3, ',');
    let fails = one(parts.next()?, 1).filter(|fails| *fails > 0)?;
    let passes = one(parts.next().unwrap_or(""), 1)?;
    Some(Fault::Flap(fails, passes, inner(parts.next())?))
}

fn chance(argument: &str) -> Option<Fault> {
    let (percent, fault) = argument.split_once(',').map_or((argument, None), |(it, rest)| (it, Some(rest)));
    let percent = one(percent, 50).filter(|percent| *percent <= 100)?;
    Some(Fault::Chance(percent, inner(fault)?))
}

/// The fault of a `flap` or a `chance`, which is none of the two itself.
fn inner(text: Option<&str>) -> Option<Box<Fault>> {
    let fault = text.map_or(Ok(Fault::Status(503)), Fault::parse).ok()?;
    (!matches!(fault, Fault::Flap(..) | Fault::Chance(..))).then(|| Box::new(fault))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_fault_has_a_name_of_its_own_and_can_be_named_alone() {
        for (at, spec) in FAULTS.iter().enumerate() {
            assert!(Fault::parse(spec.name).is_ok(), "{}", spec.name);
            assert!(FAULTS[..at].iter().all(|other| other.name != spec.name), "{}", spec.name);
            let nonsense = format!("{}:nonsense", spec.name);
            assert!(Fault::parse(&nonsense).is_err(), "{nonsense}");
        }
        assert!(Fault::parse("gone").unwrap_err().contains("silent-head"));
    }

    #[test]
    fn arguments_are_read() {
        for (text, fault) in [
            ("reset:17", Fault::Reset(17)),
            ("drip:1,20", Fault::Drip(1, 20)),
            ("status:402", Fault::Status(402)),
            ("rate-limit", Fault::RateLimit(Vec::new())),
            ("rate-limit:retry-after=2", Fault::RateLimit(vec![Hint::RetryAfter(2)])),
            ("flap:3,2", Fault::Flap(3, 2, Box::new(Fault::Status(503)))),
            ("flap:1,1,reset:9", Fault::Flap(1, 1, Box::new(Fault::Reset(9)))),
            ("chance:30,silent-head", Fault::Chance(30, Box::new(Fault::SilentHead))),
        ] {
            assert_eq!(Fault::parse(text).unwrap(), fault, "{text}");
        }
        for text in [
            "status:99",
            "status:600",
            "drip:0,1",
            "drip:1",
            "flap:0,1",
            "chance:101",
            "chance:9,flap",
            "ok:1",
        ] {
            assert!(Fault::parse(text).is_err(), "{text}");
        }
    }
}
