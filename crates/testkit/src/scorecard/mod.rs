//! What a gateway makes of each fault of `wharf chaos`: a table of what must come, the runner that holds a gateway to it,
//! and the page that shows it. Host and base URL are parameters: the same table is for every host.

mod judge;
mod page;
mod rows;
mod run;
mod setup;

pub use judge::Outcome;
pub use page::page;
pub use rows::{EXCEPTIONS, Exception, Expect, NO_CONNECTION, ROWS, Row, Want};
pub use run::{Gateway, Miss, run};
pub use setup::{CALLER, KEY, Setup, TIMEOUT_MS};

/// What a caller speaks, and what its provider speaks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Dialect {
    /// OpenAI Chat Completions.
    Chat,
    /// OpenAI Responses.
    Responses,
    /// Anthropic Messages.
    Messages,
    /// Gemini.
    Gemini,
}

/// Caller and provider of one cell.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Pair {
    /// The caller's.
    pub caller: Dialect,
    /// The provider's.
    pub provider: Dialect,
}

/// Every pair that the table is held against: each dialect with itself, and each translated once, there and back.
pub const PAIRS: [Pair; 8] = [
    Pair { caller: Dialect::Chat, provider: Dialect::Chat },
    Pair { caller: Dialect::Responses, provider: Dialect::Responses },
    Pair { caller: Dialect::Messages, provider: Dialect::Messages },
    Pair { caller: Dialect::Gemini, provider: Dialect::Gemini },
    Pair { caller: Dialect::Chat, provider: Dialect::Messages },
    Pair { caller: Dialect::Messages, provider: Dialect::Chat },
    Pair { caller: Dialect::Responses, provider: Dialect::Gemini },
    Pair { caller: Dialect::Gemini, provider: Dialect::Responses },
];

/// One request of the scorecard.
#[derive(Clone, Copy, Debug)]
pub struct Cell {
    /// The number of the row.
    pub row: usize,
    /// Who speaks what.
    pub pair: Pair,
    /// A stream is asked for.
    pub stream: bool,
    /// A healthy target stands behind the broken one.
    pub second: bool,
}

impl Pair {
    /// The answer has to be translated.
    pub fn is_translated(self) -> bool {
        self.caller != self.provider
    }
}

impl Dialect {
    /// As names of providers and routes have it.
    pub(crate) const fn word(self) -> &'static str {
        match self {
            Self::Chat => "chat",
            Self::Responses => "responses",
            Self::Messages => "messages",
            Self::Gemini => "gemini",
        }
    }
}

impl Cell {
    /// Every cell for some pairs. Neighbours are of different rows: asked for at once, they make no burst of one kind,
    /// which a name server, for one, answers only in part.
    pub fn all(pairs: &[Pair]) -> Vec<Self> {
        let mut all = Vec::new();
        for pair in pairs.iter().copied() {
            for (stream, second) in [(false, false), (false, true), (true, false), (true, true)] {
                all.extend((0..ROWS.len()).map(|row| Self { row, pair, stream, second }));
            }
        }
        all
    }

    /// It leaves behind a connection that looks kept and is dead.
    pub fn kept(&self) -> bool {
        ROWS[self.row].fault == "stale"
    }

    /// What must come on this host.
    pub fn expected(&self, host: &str) -> Expect {
        let row = &ROWS[self.row];
        let by_lane = if self.stream { row.streamed } else { row.plain };
        let exception = EXCEPTIONS.iter().find(|one| one.host == host && one.covers(self));
        let want = exception.map_or(by_lane[usize::from(self.pair.is_translated())], |one| one.want);
        if self.second { want.second } else { want.alone }
    }

    /// Its provider's name. Each cell has one of its own: no failure of one is held against another.
    pub(crate) fn provider(&self) -> String {
        let (caller, provider) = (self.pair.caller.word(), self.pair.provider.word());
        let (mode, second) = (if self.stream { "s" } else { "p" }, if self.second { "2" } else { "1" });
        format!("f{}-{caller}-{provider}-{mode}{second}", self.row)
    }

    /// The model to ask for: the broken provider's, or the route over it and the healthy one.
    pub(crate) fn model(&self) -> String {
        let provider = self.provider();
        if self.second { format!("route-{provider}") } else { format!("{provider}/tide-1") }
    }
}

impl std::fmt::Display for Cell {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let (caller, provider) = (self.pair.caller.word(), self.pair.provider.word());
        let mode = if self.stream { "streamed" } else { "plain" };
        let second = if self.second { ", a second target behind it" } else { "" };
        write!(f, "{}, {caller} over {provider}, {mode}{second}", ROWS[self.row].fault)
    }
}
