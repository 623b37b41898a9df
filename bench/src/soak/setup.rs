//! Who takes part: four upstreams that flap, each in another format, and the gateway before them.

use crate::process::Group;
use crate::run::gateway::absolute;
use crate::{CALLER_KEY, Result, UPSTREAM_KEY, probe};
use serde_json::{Value, json};
use std::fs;
use std::path::Path;
use std::thread::sleep;
use std::time::{Duration, Instant};

/// The upstreams: name, format, what their base URL ends with, and the outages that they have in turn with good
/// times, as requests bad, requests good and the fault.
const UPSTREAMS: [(&str, &str, &str, &str); 4] = [
    ("a", "openai_chat", "/v1", "flap:40,160,status:503"),
    ("b", "openai_responses", "/v1", "flap:25,140,reset"),
    ("c", "anthropic_messages", "", "flap:30,120,rate-limit:retry-after-ms=300"),
    ("d", "gemini_generate", "", "flap:8,150,silent-head"),
];

/// Single failures on top, in streams and in plain answers.
const IN_BOTH: [&str; 21] = [
    "drip:40,3",
    "slow-head:200",
    "silent-body",
    "silent-after:1",
    "too-long",
    "too-short",
    "cut-chunk",
    "cut-events:0",
    "cut-events:1",
    "end-events:1",
    "bad-sse",
    "bad-json",
    "bad-json:1",
    "error",
    "empty-stream",
    "empty-body",
    "reset:250",
    "garbage",
    "huge-header",
    "half-close",
    "stale",
];
const IN_STREAMS: [&str; 4] = ["bad-sse:1", "error:1", "interim:2", "status:500"];
const IN_PLAIN_ANSWERS: [&str; 2] = ["status:529", "refuse"];

/// A process that has said where it listens.
pub(super) struct Server {
    pub(super) group: Group,
    pub(super) port: u16,
}

/// Starts the four, with chances drawn by `seed`.
pub(super) fn upstreams(program: &Path, directory: &Path, seed: u64) -> Result<Vec<Server>> {
    let in_streams = [&IN_BOTH[..], &IN_STREAMS].concat();
    let in_plain_answers = [&IN_BOTH[..], &IN_PLAIN_ANSWERS].concat();
    let start = |(at, (name, _, _, outage)): (usize, &(&str, &str, &str, &str))| {
        let script = json!({
            "seed": seed + at as u64,
            "rules": [
                { "when": { "model": "slow" }, "do": "drip:64,20" },
                { "when": { "stream": true, "chance": 8 }, "do": in_streams },
                { "when": { "stream": false, "chance": 8 }, "do": in_plain_answers },
                { "do": outage },
            ],
        });
        let file = format!("{name}.json");
        fs::write(directory.join(&file), script.to_string())?;
        server(program, &["chaos", "--listen", "127.0.0.1:0", "--script", &file], directory, name)
    };
    UPSTREAMS.iter().enumerate().map(start).collect()
}

/// Starts the gateway; its access log is `access.log` in the directory, its own messages are in `gateway.log`.
pub(super) fn gateway(program: &Path, directory: &Path, upstreams: &[Server]) -> Result<Server> {
    let providers = UPSTREAMS.iter().zip(upstreams).map(|((name, format, path, _), upstream)| {
        let keys: Vec<String> = (1..=3).map(|number| format!("{UPSTREAM_KEY}-{name}{number}")).collect();
        let provider = json!({
            "format": format,
            "base_url": format!("http://127.0.0.1:{}{path}", upstream.port),
            "keys": keys,
            "timeouts": { "connect_ms": 2000, "first_byte_ms": 1000, "first_event_ms": 1000, "idle_ms": 1000 },
        });
        ((*name).to_owned(), provider)
    });
    let targets = |names: &str| names.chars().map(|name| format!("{name}/m")).collect::<Vec<_>>();
    let config = json!({
        "PROXY_API_KEY": CALLER_KEY,
        "providers": providers.collect::<serde_json::Map<_, _>>(),
        "routes": {
            "ordered": { "targets": targets("abcd") },
            "spread": { "targets": targets("badc"), "balance": "round_robin" },
            "weighted": { "targets": targets("cdab"), "balance": "weighted" },
            "least": { "targets": targets("dcba"), "balance": "least_in_flight", "retries": 1 },
        },
        "breaker": { "open_ms": 1000 },
        "keepalive_ms": 300,
    });
    fs::write(directory.join("wharf.jsonc"), config.to_string())?;
    let words = [
        ["serve", "--config"],
        ["wharf.jsonc", "--listen"],
        ["127.0.0.1:0", "--state"],
        ["wharf.db", "--access-log"],
        ["access.log", "--log"],
    ];
    let words: Vec<&str> = words.as_flattened().iter().copied().chain(["json", "--workers", "2"]).collect();
    server(program, &words, directory, "gateway")
}

fn server(program: &Path, words: &[&str], directory: &Path, name: &str) -> Result<Server> {
    let words: Vec<String> =
        std::iter::once(absolute(program)?).chain(words.iter().map(|word| (*word).to_owned())).collect();
    let log = directory.join(format!("{name}.log"));
    let mut group = Group::spawn(&words, directory, &log)?;
    let deadline = Instant::now() + Duration::from_secs(10);
    loop {
        let text = fs::read_to_string(&log)?;
        if let Some(port) = port(&text) {
            return Ok(Server { group, port });
        }
        if group.has_ended() || Instant::now() > deadline {
            return Err(format!("{name} did not start: {text}").into());
        }
        sleep(Duration::from_millis(10));
    }
}

/// The port of the first address that a line says it listens on, once the line is whole.
fn port(text: &str) -> Option<u16> {
    let line = text.lines().find(|line| line.contains("listening on http://"))?;
    let whole = text.split_once(line).is_some_and(|(_, rest)| rest.starts_with('\n'));
    let rest = line.split_once("127.0.0.1:")?.1;
    let digits = rest.split(|c: char| !c.is_ascii_digit()).next()?;
    digits.parse().ok().filter(|_| whole)
}

/// What an upstream has counted.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Counted {
    pub(super) requests: u64,
    pub(super) over: u64,
    /// Connections, the one that asked not counted.
    pub(super) open: u64,
}

/// Asks an upstream for its counts.
pub(super) fn counted(port: u16) -> Result<Counted> {
    let log: Value = serde_json::from_slice(&probe::get(port, "/chaos/log")?.body)?;
    let count = |name: &str| log[name].as_u64().ok_or_else(|| format!("an upstream does not count `{name}`"));
    Ok(Counted { requests: count("requests")?, over: count("over")?, open: count("open")?.saturating_sub(1) })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_port_is_read_from_a_whole_line() {
        assert_eq!(
            port("wharf chaos listening on http://127.0.0.1:9900, refusing on 127.0.0.1:1\n"),
            Some(9900)
        );
        assert_eq!(port("wharf 0.1.0 listening on http://127.0.0.1:87"), None);
        assert_eq!(port("nothing\n"), None);
    }
}
