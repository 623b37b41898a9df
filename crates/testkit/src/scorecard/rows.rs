//! The table: every fault, and what must come of it, by whether the answer is streamed, translated, and has a second target.

/// What must come.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Expect {
    /// The right answer of the first target.
    Right,
    /// The right answer of the second target.
    FailsOver,
    /// An error in the caller's dialect with this status.
    Status(u16),
    /// An error event in the caller's dialect behind what came, then the end of the body.
    Told,
    /// A cut of the caller's transport.
    Cut,
    /// One of these two.
    ToldOrCut,
    /// An error with a status from 500 on.
    Failed,
    /// That, or an error event.
    ToldOrFailed,
}

/// What must come without and with a second target.
#[derive(Clone, Copy, Debug)]
pub struct Want {
    /// The broken target is the only one.
    pub alone: Expect,
    /// A healthy one stands behind it.
    pub second: Expect,
}

/// A fault with what must come of it.
#[derive(Clone, Copy, Debug)]
pub struct Row {
    /// The fault as `wharf chaos` names it, or one of [`NO_CONNECTION`].
    pub fault: &'static str,
    /// What it stands for.
    pub about: &'static str,
    /// Plain answers: passed on, translated.
    pub plain: [Want; 2],
    /// Streams: passed on, translated.
    pub streamed: [Want; 2],
}

/// Base URLs that lead to no connection.
pub(super) const REFUSED_PORT: &str = "refused port";
pub(super) const STALLED_PORT: &str = "stalled port";
pub(super) const UNKNOWN_HOST: &str = "unknown host";
pub(super) const NO_TLS: &str = "no TLS";

/// All of these: no request ever reaches `wharf chaos`.
pub const NO_CONNECTION: [&str; 4] = [REFUSED_PORT, STALLED_PORT, UNKNOWN_HOST, NO_TLS];

const RIGHT: Want = always(Expect::Right);
const TOLD: Want = always(Expect::Told);
const CUT: Want = always(Expect::Cut);
const UNCLEAN: Want = always(Expect::ToldOrCut);
const BAD: Want = before(502);
const LATE: Want = before(504);

const fn always(expect: Expect) -> Want {
    Want { alone: expect, second: expect }
}

/// Nothing has gone to the caller yet.
const fn before(status: u16) -> Want {
    Want { alone: Expect::Status(status), second: Expect::FailsOver }
}

const fn row(fault: &'static str, about: &'static str, plain: [Want; 2], streamed: [Want; 2]) -> Row {
    Row { fault, about, plain, streamed }
}

/// The same in every lane.
const fn same(fault: &'static str, about: &'static str, want: Want) -> Row {
    row(fault, about, [want; 2], [want; 2])
}

const ERROR_BODY: Want = Want { alone: Expect::Failed, second: Expect::FailsOver };
const ERROR_EVENT: Want = Want { alone: Expect::ToldOrFailed, second: Expect::FailsOver };

/// Every row, in the order of the page.
#[rustfmt::skip]
pub const ROWS: &[Row] = &[
    same("ok", "a right answer", RIGHT),
    same("interim:3", "three interim answers first", RIGHT),
    same("drip:200,1", "slowly, but it comes", RIGHT),
    same("slow-head:50", "late, but in time", RIGHT),
    same("stale", "a kept connection that closes when it is used again", RIGHT),
    same(REFUSED_PORT, "nobody listens", BAD),
    same(STALLED_PORT, "a connection that never comes about", LATE),
    same(UNKNOWN_HOST, "a name that no DNS knows", BAD),
    same(NO_TLS, "`https://` to a port that speaks no TLS", BAD),
    same("refuse", "reset with nothing answered", BAD),
    same("reset:40", "reset inside the head", BAD),
    same("garbage", "no HTTP", BAD),
    same("huge-header", "a header line of 256 KiB", BAD),
    same("silent-head", "never an answer", LATE),
    same("slow-head:60000", "a head that comes too late", LATE),
    same("slow-lines:60000", "a head that stops behind its first line", LATE),
    same("silent-body", "a head, then nothing", LATE),
    same("empty-stream", "200 and an empty chunked body", BAD),
    same("empty-body", "200 and `Content-Length: 0`", BAD),
    same("cut-events:0", "a head, then a closed connection", BAD),
    row("reset:250", "reset inside the body's beginning", [BAD, BAD], [BAD, BAD]),
    row("bad-sse", "200 and HTML", [BAD, BAD], [BAD, BAD]),
    row("bad-json", "200 and broken JSON", [BAD, BAD], [BAD, BAD]),
    row("error", "200 and an error", [ERROR_BODY; 2], [ERROR_EVENT; 2]),
    same("status:400", "the caller's own mistake", always(Expect::Status(400))),
    same("status:401", "a key that is refused", before(401)),
    same("status:402", "a bill that is not paid", before(402)),
    same("status:403", "a key that may not", before(403)),
    same("status:500", "a broken provider", before(500)),
    same("status:503", "a provider that is down", before(503)),
    same("status:529", "a provider that is overloaded", before(529)),
    same("rate-limit", "429 with no hint", before(429)),
    same("rate-limit:retry-after=1,retry-after-ms=900,reset-requests,anthropic-reset,retry-info", "429 with every hint", before(429)),
    same("rate-limit:should-retry=false", "429 that forbids a retry", before(429)),
    same("quota", "429 for want of money", before(429)),
    row("cut-events:1", "closed behind the first event", [BAD, BAD], [TOLD, TOLD]),
    row("end-events:1", "ended cleanly behind the first event", [BAD, BAD], [TOLD, TOLD]),
    row("half-close", "closed behind the first event, by half", [BAD, BAD], [TOLD, TOLD]),
    row("cut-chunk", "closed inside a chunk, inside the second event", [BAD, BAD], [CUT, TOLD]),
    row("silent-after:1", "silent behind the first event", [LATE, LATE], [TOLD, TOLD]),
    row("bad-sse:1", "no events behind the first", [BAD, BAD], [UNCLEAN, UNCLEAN]),
    row("bad-json:1", "broken JSON behind the first event", [BAD, BAD], [UNCLEAN, UNCLEAN]),
    row("error:1", "an error event behind the first event", [ERROR_BODY; 2], [TOLD; 2]),
    row("too-long", "`Content-Length` promises 100 bytes more than come", [CUT, BAD], [RIGHT, RIGHT]),
    row("too-short", "`Content-Length` promises half", [BAD, BAD], [UNCLEAN, UNCLEAN]),
];

/// A cell in which a host's platform, and not the gateway, decides.
#[derive(Clone, Copy, Debug)]
pub struct Exception {
    /// The host.
    pub host: &'static str,
    /// The row.
    pub fault: &'static str,
    /// Only for streams, or only for plain answers; both unless it says so.
    pub stream: Option<bool>,
    /// Only where the answer is translated, or only where it is passed on; both unless it says so.
    pub translated: Option<bool>,
    /// What must come there.
    pub want: Want,
    /// Why it is so.
    pub reason: &'static str,
}

impl Exception {
    /// Whether the cell is one of those, on this host.
    pub fn covers(&self, cell: &super::Cell) -> bool {
        self.fault == ROWS[cell.row].fault
            && self.stream.is_none_or(|stream| stream == cell.stream)
            && self.translated.is_none_or(|translated| translated == cell.pair.is_translated())
    }
}

const fn on_worker(fault: &'static str, want: Want, reason: &'static str) -> Exception {
    Exception { host: "worker", fault, stream: None, translated: None, want, reason }
}

/// For plain answers that are passed on.
const fn on_worker_plain(fault: &'static str, want: Want, reason: &'static str) -> Exception {
    Exception { stream: Some(false), translated: Some(false), ..on_worker(fault, want, reason) }
}

/// All that are known. What they say must come there: one that has become needless fails the test.
#[rustfmt::skip]
pub const EXCEPTIONS: &[Exception] = &[
    on_worker("stale", before(502), "workerd keeps the connections, tries nothing again on one that has closed, and does not say whether one was new"),
    on_worker("huge-header", RIGHT, "workerd takes a header line of this length"),
    on_worker_plain("too-long", BAD, "the Worker reads a short answer at once, and workerd gives all of it or nothing: so nothing has gone out yet"),
];
