//! What belongs to no provider: who may call, the AI Gateway, browsers, where we run, and the host's own settings.

use super::keys::{REFERENCE, variable};
use super::problem::{At, Findings, Located};
use super::read::{Cx, Read, wrong};
use super::sections::{BreakerSection, CorsSection, GatewaySection, Milliseconds, Root};
use super::shape::Shape;
use super::upper::Uppers;
use super::url::{self, BaseUrl};
use crate::secret::Secret;
use crate::store::breaker::Settings;
use crate::table::{Access, Base, Caller, Cors, GatewaySettings, Place};
use crate::time::Millis;
use jsonc_parser::ast::Value;
use std::net::SocketAddr;

/// What the core does not need and a host may: each `None` leaves the choice to the host.
#[derive(PartialEq, Eq)]
pub struct HostSettings {
    /// Address and port to listen on.
    pub listen: Option<SocketAddr>,
    /// Where rotation is kept.
    pub state: Option<State>,
    /// How long the state store may take.
    pub state_timeout: Millis,
    /// How log lines are written.
    pub log_format: Option<LogFormat>,
    /// Where the access log goes.
    pub access_log: Option<AccessLog>,
    /// Files to serve HTTPS with.
    pub tls: Option<TlsFiles>,
    /// File of further certificates that upstreams are checked against.
    pub ca_file: Option<String>,
    /// Most bytes of a request's head.
    pub head_bytes: usize,
    /// Most open client connections.
    pub connections: Option<usize>,
    /// How long running requests may go on once the server is told to stop.
    pub drain: Millis,
}

/// Where rotation is kept. No `Debug`: a Redis URL may hold a password.
#[derive(Clone, PartialEq, Eq)]
pub enum State {
    /// In memory: lost with the process.
    Memory,
    /// In a file.
    File(String),
    /// In Redis, by URL.
    Redis(Secret),
}

impl State {
    /// As `--state` and the file write it.
    pub fn parse(text: &str) -> Self {
        match text {
            "memory" => Self::Memory,
            url if ["redis", "rediss", "valkey", "valkeys"]
                .iter()
                .any(|scheme| url.strip_prefix(scheme).is_some_and(|rest| rest.starts_with("://"))) =>
            {
                Self::Redis(Secret::new(url))
            }
            path => Self::File(path.into()),
        }
    }
}

/// How log lines are written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LogFormat {
    /// One JSON object a line.
    Json,
    /// For people.
    Pretty,
}

/// Where the access log goes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum AccessLog {
    /// Nowhere.
    Off,
    /// Standard output.
    Stdout,
    /// A file.
    File(String),
}

/// Files to serve HTTPS with.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TlsFiles {
    /// Certificate chain, PEM.
    pub cert: String,
    /// Private key, PEM.
    pub key: String,
}

impl Read for State {
    fn read(value: &Value<'_>, at: &At, cx: &mut Cx<'_>) -> Option<Self> {
        let text = String::read(value, at, cx)?;
        // A URL with a password need not stand in the file.
        match text.strip_prefix(REFERENCE) {
            Some(name) => variable(name, at, cx.env, cx.out).map(Self::parse),
            None => Some(Self::parse(&text)),
        }
    }
    fn shape() -> Shape {
        Shape::FILLED
    }
}

impl Read for AccessLog {
    fn read(value: &Value<'_>, at: &At, cx: &mut Cx<'_>) -> Option<Self> {
        String::read(value, at, cx).map(|text| match text.as_str() {
            "off" => Self::Off,
            "-" => Self::Stdout,
            _ => Self::File(text),
        })
    }
    fn shape() -> Shape {
        Shape::FILLED
    }
}

/// An address and port to listen on.
pub(super) struct Listen(pub(super) SocketAddr);

/// Address and port as `--listen` and the file write them; `localhost` is 127.0.0.1.
pub fn parse_listen(text: &str) -> Result<SocketAddr, &'static str> {
    let text = text.trim();
    let text =
        text.strip_prefix("localhost:").map_or_else(|| text.to_owned(), |port| format!("127.0.0.1:{port}"));
    text.parse().map_err(|_| "must be an address and a port, such as 127.0.0.1:8787 or [::]:8787")
}

impl Read for Listen {
    fn read(value: &Value<'_>, at: &At, cx: &mut Cx<'_>) -> Option<Self> {
        let Value::StringLit(text) = value else { return wrong(value, "a string", at, cx) };
        parse_listen(&text.value).map(Self).map_err(|message| cx.out.problem(at, message, "")).ok()
    }
    fn shape() -> Shape {
        Shape::Text(Some(":[0-9]+$"))
    }
}

/// Who may call.
pub(super) fn access(uppers: &Uppers, open_flag: bool, out: &mut Findings) -> Access {
    let open = open_flag || uppers.on("OPEN");
    let mut callers: Vec<Caller> = Vec::new();
    let mut given = None;
    for name in ["PROXY_API_KEY", "ALLOWED_PROXY_KEYS"] {
        let Some(found) = uppers.keys(&[name], out) else { continue };
        given = Some(found.at.clone());
        for key in found.value {
            let digest = key.digest();
            if callers.iter().all(|caller| caller.digest != digest) {
                callers.push(Caller { digest, label: format!("key-{}", callers.len() + 1).into() });
            }
        }
    }
    match given {
        Some(at) if uppers.on("DEV") => {
            out.warn(&at, "is not asked for while `DEV` is true", "unset `DEV` to require it");
            Access::Local
        }
        Some(at) => {
            if open {
                out.warn(
                    &at,
                    "is required all the same: opening has no effect while caller keys are set",
                    "",
                );
            }
            Access::Keys(callers)
        }
        None if open && !uppers.on("DEV") => Access::Open,
        None => Access::Local,
    }
}

/// Where `AI_GATEWAY_ORIGIN` points by default.
const GATEWAY_ORIGIN: &str = "https://gateway.ai.cloudflare.com/v1";

/// `CLOUDFLARE_ACCOUNT_ID`, checked: it becomes a part of paths.
pub(super) fn account(uppers: &Uppers, out: &mut Findings) -> Option<String> {
    segment(uppers, "CLOUDFLARE_ACCOUNT_ID", usize::MAX, out)
}

/// A name that becomes a part of a path: `[A-Za-z0-9_-]`.
fn segment(uppers: &Uppers, name: &str, most: usize, out: &mut Findings) -> Option<String> {
    let found = uppers.text(&[name], out)?;
    let valid = found.value.bytes().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'_'));
    if !valid || found.value.len() > most {
        let length = if most == usize::MAX { String::new() } else { format!(", {most} at most") };
        out.problem(found.at, format!("may hold letters, digits, `-` and `_` only{length}"), "");
        return None;
    }
    Some(found.value.into())
}

/// The AI Gateway. `None` after a problem with its origin.
pub(super) fn gateway(
    uppers: &Uppers,
    section: Option<Located<GatewaySection>>,
    account: Option<String>,
    out: &mut Findings,
) -> Option<(GatewaySettings, At)> {
    let section = section.map(|found| found.value).unwrap_or_default();
    let name = segment(uppers, "AI_GATEWAY_NAME", 64, out);
    if let (Some(_), None, Some(found)) = (&name, &account, uppers.text(&["AI_GATEWAY_NAME"], out)) {
        out.warn(found.at, "has no effect without `CLOUDFLARE_ACCOUNT_ID`", "set `CLOUDFLARE_ACCOUNT_ID`");
    }
    let upper = uppers.text(&["AI_GATEWAY_ORIGIN"], out);
    let (base, at) = match (upper, section.origin) {
        (Some(found), section) if found.from_env || section.is_none() => {
            let parsed = url::parse_base(found.value);
            (parsed.map_err(|message| out.problem(found.at, message, url::HINT)).ok()?, found.at.clone())
        }
        (_, Some(Located { value, at })) => (gateway_base(&value, &at, out)?, at),
        (_, None) => (url::parse_base(GATEWAY_ORIGIN).ok()?, At::environment("AI_GATEWAY_ORIGIN")),
    };
    let on = |flag: Option<Located<bool>>| flag.is_some_and(|flag| flag.value);
    let settings = GatewaySettings {
        base,
        account,
        name,
        token: uppers.token("CF_AIG_TOKEN").cloned(),
        allow_direct: on(section.allow_direct),
    };
    Some((settings, at))
}

fn gateway_base(url: &BaseUrl, at: &At, out: &mut Findings) -> Option<Base> {
    if url.needs_account() {
        out.problem(at, "must not hold `{account}`: account and gateway are appended", "");
        return None;
    }
    url.base(None)
}

/// Which origins a browser may call from.
pub(super) fn cors(section: Option<Located<CorsSection>>, out: &mut Findings) -> Cors {
    let Some(origins) = section.and_then(|found| found.value.origins) else { return Cors::Any };
    let mut list = Vec::new();
    for Located { value, at } in origins.value.0 {
        match value.as_str() {
            "*" => return Cors::Any,
            "null" => list.push(value),
            _ if is_origin(&value) => list.push(value.to_ascii_lowercase()),
            _ => out.problem(
                &at,
                "must be an origin: scheme and host, no path",
                "for example https://app.example",
            ),
        }
    }
    Cors::Origins(list)
}

/// `scheme://host[:port]` as browsers send it; schemes of extensions count.
fn is_origin(text: &str) -> bool {
    let Some((scheme, host)) = text.split_once("://") else { return false };
    let plain = |b: u8| b.is_ascii_graphic() && !matches!(b, b'/' | b'?' | b'#' | b'@' | b'\\' | b'*' | b',');
    let scheme_ok = scheme.bytes().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'+' | b'-' | b'.'));
    !scheme.is_empty() && scheme_ok && !host.is_empty() && host.bytes().all(plain)
}

/// Where we run; the names win over the section.
pub(super) fn place(uppers: &Uppers, root: &mut Root, out: &mut Findings) -> Place {
    let region = root.region.take().map(|found| found.value).unwrap_or_default();
    Place {
        loc: code(uppers, "WHARF_LOC", region.loc.as_ref(), 2, out),
        colo: code(uppers, "WHARF_COLO", region.colo.as_ref(), 3, out),
    }
}

fn code(
    uppers: &Uppers,
    name: &str,
    member: Option<&Located<String>>,
    length: usize,
    out: &mut Findings,
) -> Option<String> {
    let upper = uppers.text(&[name], out);
    let (value, at) = match (&upper, member) {
        (Some(found), member) if found.from_env || member.is_none() => (found.value, found.at),
        (_, Some(found)) => (found.value.as_str(), &found.at),
        (_, None) => return None,
    };
    place_code(value, length, at, out)
}

/// A country or data centre in capitals.
pub(super) fn place_code(value: &str, length: usize, at: &At, out: &mut Findings) -> Option<String> {
    if value.len() != length || !value.bytes().all(|b| b.is_ascii_alphanumeric()) {
        let (words, hint) = if length == 2 { ("two letters", "HK") } else { ("three letters", "HKG") };
        out.problem(at, format!("must be {words}"), format!("for example {hint}"));
        return None;
    }
    Some(value.to_ascii_uppercase())
}

/// How long a stream may be silent before the client hears from us.
pub(super) fn keepalive(root: &Root) -> Option<Millis> {
    let length = root.keepalive_ms.as_ref().map_or(15_000, |found| found.value.0);
    (length > 0).then_some(Millis(length))
}

/// When a target of a route is left alone.
pub(super) fn breaker(section: Option<Located<BreakerSection>>) -> Settings {
    let Some(Located { value: section, .. }) = section else { return Settings::default() };
    let default = Settings::default();
    let number =
        |found: Option<u64>, default: u32| found.and_then(|n| u32::try_from(n).ok()).unwrap_or(default);
    let percent = number(section.failed_percent.map(|found| found.value.0), default.percent);
    Settings {
        window: section.window_ms.map_or(default.window, |found| Millis(found.value.0)),
        samples: number(section.min_calls.map(|found| found.value.0), default.samples),
        // No rate reaches more than a hundred.
        percent: if percent == 0 { 101 } else { percent },
        open: section.open_ms.map_or(default.open, |found| Millis(found.value.0)),
    }
}

/// The host's own settings.
pub(super) fn host(root: &mut Root) -> HostSettings {
    let limits = root.limits.as_ref().map(|found| &found.value);
    let log = root.log.take().map(|found| found.value).unwrap_or_default();
    let length = |found: &Option<Located<Milliseconds>>, default: u64| {
        Millis(found.as_ref().map_or(default, |found| found.value.0))
    };
    HostSettings {
        listen: root.listen.take().map(|found| found.value.0),
        state: root.state.take().map(|found| found.value),
        state_timeout: length(&root.state_timeout_ms, 2_000),
        log_format: log.format.map(|found| found.value),
        access_log: log.access.map(|found| found.value),
        tls: root.tls.take().and_then(|found| {
            let (cert, key) = (found.value.cert?, found.value.key?);
            Some(TlsFiles { cert: cert.value, key: key.value })
        }),
        ca_file: root.ca_file.take().map(|found| found.value),
        head_bytes: limits.and_then(|l| l.head_bytes.as_ref()).map_or(64 * 1024, |found| size(found.value.0)),
        connections: limits.and_then(|l| l.connections.as_ref()).map(|found| size(found.value.0)),
        drain: length(&root.drain_ms, 30_000),
    }
}

/// A size that was read within a range far below `usize::MAX`, also on 32-bit targets.
pub(super) fn size(value: u64) -> usize {
    usize::try_from(value).unwrap_or(usize::MAX)
}
