//! One line per finished exchange: what the access log shows. Never a body, never a credential.

use wharf_wire::usage::Usage;

/// What happened to one request, filled as it goes along.
#[derive(Clone, Debug, Default)]
pub struct Record {
    /// Our request id.
    pub id: String,
    /// Label of the caller; empty when none is known.
    pub caller: String,
    /// Method.
    pub method: String,
    /// Path without its query (which may carry a credential).
    pub path: String,
    /// Provider that answered.
    pub provider: String,
    /// Model as the upstream was asked for it.
    pub model: String,
    /// Calls made.
    pub attempts: u32,
    /// `direct`, a region hint, or `proxy`.
    pub egress: String,
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
    /// Why the store was not used although strict rotation was asked for.
    pub store_failed: bool,
}
