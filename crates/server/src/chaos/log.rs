//! What came and how it was answered, for tests that count: `/chaos/log` as JSON.

use serde::Serialize;
use serde_json::{Value, json};
use std::collections::{BTreeMap, VecDeque};
use wharf_core::time::{Millis, rfc3339};

/// How many requests are listed; all are counted.
const LISTED: usize = 10_000;

/// How an answer ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum Ended {
    /// All of it was sent.
    Sent,
    /// All that the fault has of it was sent, and the connection closed.
    Closed,
    /// The same, and the connection was reset.
    Reset,
    /// The client closed first.
    ClientLeft,
}

/// A request.
#[derive(Clone, Debug, Serialize)]
pub(super) struct Entry {
    /// Its number, from 1.
    pub(super) number: u64,
    /// The number of its connection, from 1.
    pub(super) connection: u64,
    /// When its head was complete (RFC 3339).
    pub(super) at: String,
    /// The request's own `x-request-id`.
    pub(super) id: Option<String>,
    /// The method.
    pub(super) method: String,
    /// The path with the fault in front, without the query.
    pub(super) path: String,
    /// The model, empty if it names none.
    pub(super) model: String,
    /// Whether it asks for a stream.
    pub(super) stream: bool,
    /// The end of the credential, `null` if there is none.
    pub(super) key: Option<String>,
    /// The fault, as it was named.
    pub(super) fault: String,
    /// What was drawn for it was a right answer.
    pub(super) healthy: bool,
    /// The status that was answered.
    pub(super) status: Option<u16>,
    /// Bytes of the answer that were sent.
    pub(super) sent: usize,
    /// How it ended; `null` while it goes on.
    pub(super) ended: Option<Ended>,
}

/// All that came since the start, or the last reset.
#[derive(Debug, Default)]
pub(super) struct Log {
    connections: u64,
    open: u64,
    requests: u64,
    over: u64,
    ended: BTreeMap<Ended, u64>,
    faults: BTreeMap<String, u64>,
    entries: VecDeque<Entry>,
    /// Requests before the last reset: their ends are no news.
    before: u64,
}

impl Log {
    /// A connection was accepted; its number.
    pub(super) fn accepted(&mut self) -> u64 {
        self.connections += 1;
        self.open += 1;
        self.connections
    }

    /// A connection is gone.
    pub(super) fn gone(&mut self) {
        self.open = self.open.saturating_sub(1);
    }

    /// The number of the next request.
    pub(super) fn next_number(&self) -> u64 {
        self.requests + 1
    }

    /// A request came; the ticket to tell its end by.
    pub(super) fn began(&mut self, entry: Entry) -> u64 {
        self.requests += 1;
        *self.faults.entry(entry.fault.clone()).or_default() += 1;
        if self.entries.len() == LISTED {
            self.entries.pop_front();
        }
        self.entries.push_back(entry);
        self.before + self.requests
    }

    /// A request is over.
    pub(super) fn ended(&mut self, ticket: u64, status: Option<u16>, sent: usize, ended: Ended) {
        let Some(number) = ticket.checked_sub(self.before).filter(|number| *number > 0) else { return };
        self.over += 1;
        *self.ended.entry(ended).or_default() += 1;
        // The list has no holes: where the first is, all are.
        let first = self.entries.front().map_or(0, |entry| entry.number);
        let place = number.checked_sub(first).and_then(|place| usize::try_from(place).ok());
        if let Some(entry) = place.and_then(|place| self.entries.get_mut(place)) {
            (entry.status, entry.sent, entry.ended) = (status, sent, Some(ended));
        }
    }

    /// Requests that are over.
    pub(super) fn over(&self) -> u64 {
        self.over
    }

    /// Forgets the past. Open connections stay counted.
    pub(super) fn reset(&mut self) {
        let (before, open) = (self.before + self.requests, self.open);
        *self = Self { before, open, ..Self::default() };
    }

    /// The log as it is shown.
    pub(super) fn show(&self) -> Value {
        json!({
            "connections": self.connections,
            "open": self.open,
            "requests": self.requests,
            "over": self.over,
            "ended": self.ended,
            "faults": self.faults,
            "log": self.entries,
        })
    }
}

/// The last four characters of a credential that is long enough to have an end that gives nothing away.
pub(super) fn end_of(credential: &str) -> String {
    let count = credential.chars().count();
    if count < 8 {
        return "***".into();
    }
    format!("***{}", credential.chars().skip(count - 4).collect::<String>())
}

/// The time of day as it is shown.
pub(super) fn at(now: Millis) -> String {
    rfc3339(now)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn entry(log: &Log) -> Entry {
        Entry {
            number: log.next_number(),
            connection: 1,
            at: String::new(),
            id: None,
            method: "POST".into(),
            path: "/v1/messages".into(),
            model: String::new(),
            stream: false,
            key: None,
            fault: "reset:3".into(),
            healthy: false,
            status: None,
            sent: 0,
            ended: None,
        }
    }

    #[test]
    fn requests_are_counted_and_a_reset_forgets_those_that_run() {
        let mut log = Log::default();
        log.accepted();
        let first = log.began(entry(&log));
        log.ended(first, None, 3, Ended::Reset);
        let late = log.began(entry(&log));
        assert_eq!((log.over(), log.show()["requests"].as_u64()), (1, Some(2)));
        log.reset();
        log.ended(late, Some(200), 9, Ended::Sent);
        let shown = log.show();
        assert_eq!((&shown["over"], &shown["requests"], &shown["open"]), (&json!(0), &json!(0), &json!(1)));
        let next = log.began(entry(&log));
        log.ended(next, Some(200), 9, Ended::ClientLeft);
        let shown = log.show();
        assert_eq!(shown["ended"], json!({"client_left": 1}));
        assert_eq!((&shown["log"][0]["number"], &shown["log"][0]["sent"]), (&json!(1), &json!(9)));
        assert_eq!(shown["faults"], json!({"reset:3": 1}));
    }

    #[test]
    fn the_oldest_leave_the_list_and_stay_counted() {
        let mut log = Log::default();
        let tickets: Vec<u64> = (0..LISTED + 3).map(|_| log.began(entry(&log))).collect();
        for ticket in &tickets {
            log.ended(*ticket, Some(200), 1, Ended::Sent);
        }
        assert_eq!(log.over(), LISTED as u64 + 3);
        assert_eq!((log.entries.len(), log.entries[0].number), (LISTED, 4));
        assert!(log.entries.iter().all(|entry| entry.ended == Some(Ended::Sent)));
    }

    #[test]
    fn credentials_are_shown_by_their_end_and_short_ones_not_at_all() {
        assert_eq!(end_of("sk-0123456789"), "***6789");
        assert_eq!(end_of("secret"), "***");
    }
}
