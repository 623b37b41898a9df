//! Answers that need no upstream: health, readiness, ping, and the 404s.

use super::reply::{Incoming, Reply};
use crate::error::{Error, Kind};
use crate::table::Table;
use crate::time::{Millis, rfc3339};
use http::StatusCode;
use serde::Serialize;

#[derive(Serialize)]
struct Health<'a> {
    status: &'static str,
    timestamp: String,
    version: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    loc: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    colo: Option<&'a str>,
}

/// `GET /health`: alive, and where.
pub(super) fn health<B, U>(table: &Table, now: Millis, incoming: &Incoming<U>) -> Reply<B> {
    let place = incoming.place.as_ref().unwrap_or(&table.place);
    let health = Health {
        status: "ok",
        timestamp: rfc3339(now),
        version: env!("CARGO_PKG_VERSION"),
        loc: place.loc.as_deref(),
        colo: place.colo.as_deref(),
    };
    Reply::json(StatusCode::OK, serde_json::to_vec(&health).unwrap_or_default())
}

/// `GET /ready`: takes traffic, or does not (yet, or any more).
pub(super) fn ready<B>(ready: bool) -> Reply<B> {
    if ready {
        Reply::json(StatusCode::OK, r#"{"status":"ready"}"#)
    } else {
        Reply::json(StatusCode::SERVICE_UNAVAILABLE, r#"{"status":"draining"}"#)
    }
}

/// `/ping`
pub(super) fn ping<B>() -> Reply<B> {
    Reply::typed(StatusCode::OK, "text/plain;charset=UTF-8", "Pong")
}

/// Nothing is at this path.
pub(super) fn nothing() -> Error {
    Error::new(
        Kind::NotFound,
        "there is nothing at this path: see the README for the routes, or use /{provider}/…",
    )
}

/// Whether a path that is not built is Gemini's, which is asked for under `/v1` too.
pub(super) fn is_geminis(path: &str) -> bool {
    path.starts_with("/v1beta/") || path.starts_with("/v1/models/")
}

/// A path that is known but not built: where it can be had today.
pub(super) fn unbuilt(path: &str) -> Error {
    let provider = if is_geminis(path) { "google-ai-studio" } else { "openai" };
    Error::new(
        Kind::NotFound,
        format!("this path has no model route yet: use the provider's own, /{provider}{path}"),
    )
}
