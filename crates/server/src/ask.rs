//! `wharf models` and `wharf status`: the same answers as the server's, for a configuration that need not be running.

use crate::cli::{Source, exit};
use crate::front::Upload;
use crate::load::{self, Loaded};
use crate::native::Native;
use crate::serve::{Failure, redis_state, roots, runtime, state_file};
use crate::state::State;
use crate::upstream::{Client, Limits, Tls};
use http::Method;
use rustls_pki_types::CertificateDer;
use std::sync::Arc;
use std::time::Duration;
use wharf_core::exchange::{Core, Incoming, OutBody};
use wharf_core::headers::Headers;
use wharf_core::record::Record;
use wharf_core::table::{Access, Table};

/// The state of a server that may be running, if there is any: asking must not make one.
fn kept_state(loaded: &Loaded, roots: &[CertificateDer<'_>]) -> State {
    let (table, host) = (&loaded.compiled.table, &loaded.compiled.host);
    if let Some((redis, _)) = redis_state(table, host, roots) {
        return redis;
    }
    let path = state_file(table, host).filter(|path| path.is_file());
    let patience = Duration::from_millis(loaded.compiled.host.state_timeout.0);
    path.and_then(|path| State::file(&path, patience).ok()).unwrap_or_else(State::memory)
}

/// Asks one of our own paths and gives its JSON, indented, and what should be said beside it.
///
/// # Errors
/// A wrong configuration.
pub fn run(source: &Source, path: &str) -> Result<(String, Option<String>), Failure> {
    let loaded = load::load(source, false)?;
    let roots = roots(&loaded.compiled.host)?;
    let state = kept_state(&loaded, &roots);
    let table = Arc::new(Table { access: Access::Open, ..loaded.compiled.table });
    let incoming = Incoming::<Upload> {
        method: Method::GET,
        target: path.to_owned(),
        authority: None,
        headers: Headers::new(),
        body: None,
        length: None,
        place: None,
        ready: true,
    };
    let runtime = runtime().map_err(|e| Failure::new(exit::FAILED, e.to_string()))?;
    let answer = runtime.block_on(async {
        let client = Client::new(Arc::new(Tls::new(roots)), Limits::default());
        Core::new(table, Native::new(client, state, None)).serve(incoming, &mut Record::default()).await
    });
    let missing = answer.headers.get("x-wharf-models-missing").and_then(|v| v.to_str().ok()).unwrap_or("");
    let OutBody::Full(body) = answer.body else { return Err(Failure::new(exit::FAILED, "no answer")) };
    let value: serde_json::Value =
        serde_json::from_slice(&body).map_err(|e| Failure::new(exit::FAILED, e.to_string()))?;
    let note = (!missing.is_empty()).then(|| format!("no list from: {missing}"));
    Ok((format!("{value:#}\n"), note))
}
