//! One line per finished exchange: what the access log shows. Never a body, never a credential.

pub mod line;

use http::Method;
use std::borrow::Cow;
use std::sync::Arc;
use wharf_wire::usage::Usage;

/// What happened to one request, filled as it goes along.
#[derive(Clone, Debug, Default)]
pub struct Record {
    /// Our request id.
    pub id: String,
    /// Label of the caller; empty when none is known.
    pub caller: Arc<str>,
    /// Method.
    pub method: Method,
    /// Path and query as received. The query may carry a credential: show `path()`.
    pub target: String,
    /// Provider that answered.
    pub provider: Cow<'static, str>,
    /// Model as the upstream was asked for it.
    pub model: String,
    /// Calls made.
    pub attempts: u32,
    /// `direct`, a region hint, or `proxy`.
    pub egress: Cow<'static, str>,
    /// Status that the client got.
    pub status: u16,
    /// Code of our own error, if the answer was one.
    pub error: &'static str,
    /// What the answer said of tokens; every field may be unknown.
    pub usage: Usage,
    /// Streamed answer that did not end as its dialect says.
    pub cut: bool,
    /// Members of the request that were left out (`drop_params`).
    pub dropped: Vec<String>,
    /// What the answer lost in translation, by the names that these things have in requests.
    pub lost: Vec<&'static str>,
    /// The store was needed and gave no answer.
    pub store_failed: bool,
    /// What was tried before the answer, and why it gave way: `openai: rate_limited`.
    pub gave_way: Vec<String>,
    /// A way out of its own could not be gone, and the call went direct instead.
    pub egress_failed: bool,
}

impl Record {
    /// Notes that an attempt, or a target that could not be called at all, gave way. What it left here is no word of
    /// the answer's.
    pub fn gives_way(&mut self, provider: &str, why: &str) {
        /// A flood of tries need not be told to its end.
        const TOLD: usize = 32;
        if self.gave_way.len() < TOLD {
            self.gave_way.push(format!("{provider}: {why}"));
        }
        (self.error, self.usage) = ("", Usage::default());
        self.lost.clear();
    }

    /// The path without its query.
    pub fn path(&self) -> &str {
        self.target.split('?').next().unwrap_or_default()
    }
}
