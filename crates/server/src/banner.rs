//! What `wharf serve` says when it is up: where, for whom, with which providers, and a line to try it with.

use std::fmt::Write as _;
use std::io::{self, Write as _};
use std::net::SocketAddr;
use std::path::Path;
use wharf_core::table::{Access, Table};

/// Writes the banner to standard error.
pub fn show(
    table: &Table,
    address: SocketAddr,
    tls: bool,
    file: Option<&Path>,
    state: &str,
    notes: &[String],
) {
    let text = text(table, address, tls, file, state, notes);
    // Nobody may be reading; that is no reason not to serve.
    let _ = io::stderr().write_all(text.as_bytes());
}

fn text(
    table: &Table,
    address: SocketAddr,
    tls: bool,
    file: Option<&Path>,
    state: &str,
    notes: &[String],
) -> String {
    let scheme = if tls { "https" } else { "http" };
    let mut out = format!("wharf {} listening on {scheme}://{address}\n", env!("CARGO_PKG_VERSION"));
    let config = file.map_or_else(|| "the environment only".into(), |path| path.display().to_string());
    let rotation =
        if table.round_robin { format!("strict round-robin, kept in {state}") } else { "random".into() };
    let callers = match &table.access {
        Access::Keys(callers) => format!("holders of {} caller key(s)", callers.len()),
        Access::Local => "local callers only, no key needed: set PROXY_API_KEY to let others in".into(),
        Access::Open => "EVERYBODY, no key needed (--open)".into(),
    };
    let _ = writeln!(out, "  config     {config}\n  callers    {callers}\n  rotation   {rotation}");
    let _ = writeln!(out, "  providers  {}", providers(table));
    for note in notes {
        let _ = writeln!(out, "  warning    {note}");
    }
    let key = match table.access {
        Access::Keys(_) => " -H 'authorization: Bearer YOUR_KEY'",
        Access::Local | Access::Open => "",
    };
    let flags = if tls { " -k" } else { "" };
    let host = if address.ip().is_unspecified() {
        format!("localhost:{}", address.port())
    } else {
        address.to_string()
    };
    let _ = writeln!(
        out,
        "  try        curl -N{flags} {scheme}://{host}/v1/chat/completions{key} -H 'content-type: application/json' \
         -d '{{\"model\":\"echo/any\",\"stream\":true,\"messages\":[{{\"role\":\"user\",\"content\":\"Hello!\"}}]}}'"
    );
    out
}

fn providers(table: &Table) -> String {
    let names: Vec<String> = table
        .entries
        .iter()
        .filter(|entry| entry.available() && !entry.provider.local)
        .map(|entry| match entry.pool.keys.len() {
            0 => entry.provider.id.to_string(),
            1 => format!("{} (1 key)", entry.provider.id),
            n => format!("{} ({n} keys)", entry.provider.id),
        })
        .collect();
    if names.is_empty() {
        "none yet: `echo` answers; set OPENAI_API_KEY or another".into()
    } else {
        names.join(", ")
    }
}
